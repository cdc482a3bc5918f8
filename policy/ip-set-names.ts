import { createHash } from 'node:crypto';
import type { NetworkName, TagName } from '../src/model/ids.js';
import type { IpFamily } from '../src/model/ip-address.js';
import type { IpSetName } from '../src/model/ip-set.js';
import { fittedName } from './chain-names.js';
import type { Selection } from './selected-endpoints.js';

/** Longest set name that ipset takes, in bytes: IPSET_MAXNAMELEN (32) less the final NUL. */
const MAX_SET_NAME_LENGTH = 31;

const fixed = (suffix: string) => (family: IpFamily) => `cord${family}-${suffix}` as IpSetName;

/** Addresses of the endpoints that bear a tag. */
export const tagSet = (family: IpFamily, tag: TagName): IpSetName =>
  fittedName(`cord${family}t-`, tag, MAX_SET_NAME_LENGTH) as IpSetName;
/** Addresses of the endpoints that a selector selects: `s` surely, `m` maybe. No selector is a name, each is hashed. */
export const selectionSet = (family: IpFamily, { selector, reading }: Selection): IpSetName =>
  `cord${family}${reading === 'sure' ? 's' : 'm'}-_${createHash('sha256').update(selector).digest('base64url')}`.slice(
    0,
    MAX_SET_NAME_LENGTH,
  ) as IpSetName;
/** Subnets of an internal network. */
export const networkSet = (family: IpFamily, network: NetworkName): IpSetName =>
  fittedName(`cord${family}n-`, network, MAX_SET_NAME_LENGTH) as IpSetName;
/** Each endpoint of this node: its address on its interface. */
export const ownAddressSet = fixed('own');
/** Subnets whose traffic to the outside is masqueraded. */
export const masqueradeSet = fixed('masq');
/** Every pool and every network's subnets: the inside. */
export const insideSet = fixed('inside');
export const nodeSet = fixed('nodes');
/** Flows of an endpoint to its own published port, as they are after translation. */
export const hairpinSet = fixed('hairpin');
