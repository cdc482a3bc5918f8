import { BlockRecord, blockKey, blocksPrefix } from '../src/model/block.js';
import { ConflictError } from '../src/model/errors.js';
import { isTunnelHandle } from '../src/model/handle.js';
import { type Subnet, SubnetRecord, subnetKey } from '../src/model/subnet.js';
import { allocationsOf } from './block.js';
import type { Draft } from './draft.js';

/**
 * With its blocks and the tunnel addresses in them, which their nodes give up; nobody may hold it.
 *
 * @throws ConflictError if an endpoint still has an address of it
 */
export async function removeSubnet(draft: Draft, subnet: Subnet): Promise<void> {
  for (const block of await draft.list(BlockRecord, blocksPrefix(subnet.cidr))) {
    const bound = [...allocationsOf(block)].find(
      ({ allocation }) => allocation.state === 'bound' && !isTunnelHandle(allocation.handle),
    );
    if (bound !== undefined)
      throw new ConflictError(
        `the network of subnet ${subnet.cidr} is gone, but an endpoint still has its address ${bound.address}; remove that container, or run "corduroy ipam check --repair", and try again`,
      );
    draft.write(BlockRecord, blockKey(subnet.cidr, block.cidr), undefined);
  }
  draft.write(SubnetRecord, subnetKey(subnet.cidr), undefined);
}
