import type { Write } from '../../src/effects/datastore.js';
import { BlockRecord, blockKey } from '../../src/model/block.js';
import { ordinalOf, parseCidr } from '../../src/model/cidr.js';
import { parseHandleId, parseNodeName } from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';

/**
 * The record of a block, which is the whole of its subnet.
 *
 * @param node '' for none: nobody may assign from it freely
 * @param guests addresses of it by the node that holds each
 */
export function aBlockRecord(
  text: string,
  node: string,
  guests: Readonly<Record<string, string>> = {},
): Extract<Write, { kind: 'put' }> {
  const cidr = parseCidr(text);
  const allocations = Object.entries(guests).map(
    ([address, holder]) =>
      [
        ordinalOf(cidr, parseIpAddress(address)),
        {
          state: 'bound',
          node: parseNodeName(holder),
          handle: parseHandleId(`at-${holder}`),
          since: '2026-01-01T00:00:00.000Z',
          released: false,
        },
      ] as const,
  );
  const block = { cidr, subnet: cidr, cooling: [], allocations: new Map(allocations) };
  const value = BlockRecord.encode(node === '' ? block : { ...block, node: parseNodeName(node) });
  return { kind: 'put', key: blockKey(cidr, cidr), value };
}
