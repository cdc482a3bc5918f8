import type { ChainName, ConntrackState, FilterRule, InterfacePattern, Match, Target } from '../src/model/chain.js';
import type { Cidr } from '../src/model/cidr.js';
import type { IpFamily } from '../src/model/ip-address.js';
import type { IpSetName } from '../src/model/ip-set.js';
import { type NamedProtocol, PROTOCOL_NUMBERS } from '../src/model/protocol.js';

/** Short spellings of the matches and targets that the compiler writes again and again. */
export const inInterface = (pattern: InterfacePattern, negated = false): Match => ({
  kind: 'inInterface',
  pattern,
  negated,
});
export const outInterface = (pattern: InterfacePattern, negated = false): Match => ({
  kind: 'outInterface',
  pattern,
  negated,
});
export const source = (cidr: Cidr, negated = false): Match => ({ kind: 'source', cidr, negated });
export const destination = (cidr: Cidr, negated = false): Match => ({ kind: 'destination', cidr, negated });
export const sourceInSet = (set: IpSetName, negated = false): Match => ({
  kind: 'sourceInSet',
  set,
  byInterface: false,
  negated,
});
export const destinationInSet = (set: IpSetName, negated = false): Match => ({
  kind: 'destinationInSet',
  set,
  byInterface: false,
  negated,
});
export const protocol = (name: NamedProtocol | number, negated = false): Match => ({
  kind: 'protocol',
  number: typeof name === 'number' ? name : PROTOCOL_NUMBERS[name],
  negated,
});
/** ICMP of the family. */
export const icmp = (family: IpFamily): Match => protocol(family === 4 ? 'icmp' : 'icmpv6');
export const destinationPorts = (...ports: readonly number[]): Match => ({
  kind: 'destinationPorts',
  ports: { value: ports.map((port) => ({ first: port, last: port })), negated: false },
});
export const icmpType = (type: number): Match => ({ kind: 'icmp', type, negated: false });
export const conntrack = (...states: readonly ConntrackState[]): Match => ({
  kind: 'conntrack',
  states,
  negated: false,
});
export const marked = (mark: number, negated = false): Match => ({ kind: 'mark', value: mark, mask: mark, negated });

export const DROP: Target = { kind: 'drop' };
export const RETURN: Target = { kind: 'return' };
export const ACCEPT: Target = { kind: 'accept' };
export const jump = (to: ChainName): Target => ({ kind: 'jump', chain: to });
export const goto = (to: ChainName): Target => ({ kind: 'goto', chain: to });
export const setMark = (mark: number): Target => ({ kind: 'setMark', value: mark, mask: mark });
export const clearMark = (mark: number): Target => ({ kind: 'setMark', value: 0, mask: mark });

/** A rule whose matches come first, as a person would read it. */
export const when = (matches: readonly Match[], target: Target, comment?: string): FilterRule =>
  comment === undefined ? { matches, target } : { matches, target, comment };
export const always = (target: Target, comment?: string): FilterRule => when([], target, comment);
