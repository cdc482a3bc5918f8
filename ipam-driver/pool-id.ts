import { type Cidr, contains, parseCidr } from '../src/model/cidr.js';
import { InvalidRequestError } from '../src/model/errors.js';
import { parseReferenceId, type ReferenceId } from '../src/model/subnet.js';

/** What Docker keeps for us and repeats in every later call: it holds all that such a call needs. */
export interface PoolId {
  readonly subnet: Cidr;
  /** `--ip-range` */
  readonly range?: Cidr | undefined;
  readonly reference: ReferenceId;
}

/** `10.64.0.0/24;;0123456789ab`, `10.64.0.0/24;10.64.0.128/25;0123456789ab` */
export const formatPoolId = (id: PoolId): string => [id.subnet, id.range ?? '', id.reference].join(';');

/** @throws InvalidRequestError if it was not made by `formatPoolId` */
export function parsePoolId(text: string): PoolId {
  const [subnet, range, reference, ...rest] = text.split(';');
  if (subnet !== undefined && range !== undefined && reference !== undefined && rest.length === 0) {
    const id = {
      subnet: parseCidr(subnet),
      reference: parseReferenceId(reference),
      ...(range === '' ? {} : { range: parseCidr(range) }),
    };
    if (id.range === undefined || contains(id.subnet, id.range)) return id;
  }
  throw new InvalidRequestError(
    `${JSON.stringify(text.slice(0, 80))} is not a pool id of this driver: SUBNET;RANGE;REFERENCE is expected; was the network made with another IPAM driver?`,
  );
}
