import type { FilterRule, HookRule, Match, Table } from '../src/model/chain.js';
import type { IpFamily } from '../src/model/ip-address.js';
import { VXLAN_PORT } from '../src/model/tunnel.js';
import { IPIP_PROTOCOL } from './built-in-protections.js';
import { chain } from './chain-names.js';
import { ownAddressSet } from './ip-set-names.js';
import {
  ACCEPT,
  always,
  conntrack,
  destinationPorts,
  inInterface,
  jump,
  marked,
  outInterface,
  protocol,
  when,
} from './matches.js';
import type { PolicySettings } from './settings.js';

const NOT_ESTABLISHED: Match = { kind: 'conntrack', states: ['ESTABLISHED'], negated: true };
/** A source address of the endpoint behind the interface that the packet came in by. */
const ownSource = (family: IpFamily, negated: boolean): Match => ({
  kind: 'sourceInSet',
  set: ownAddressSet(family),
  byInterface: true,
  negated,
});

/**
 * Our rules in the kernel's own chains: they never change. Every packet of the host passes them, and most packets belong
 * to established connections: these match none of ours but the one that accepts them. Of a rule that does not match,
 * the comment costs nothing.
 *
 * An established connection needs no mark: its first packet had one, or the guard would have dropped it, and then the
 * kernel would not have kept the connection.
 */
export function hookRules(family: IpFamily, settings: PolicySettings): readonly HookRule[] {
  const at =
    (place: HookRule['place']) =>
    (table: Table, hook: HookRule['hook'], rule: FilterRule): HookRule => ({ table, hook, place, rule });
  const [first, early, last] = [at('first'), at('early'), at('last')];
  const fromEndpoint = [inInterface('cord+')];
  const toEndpoint = [outInterface('cord+')];
  const established = conntrack('ESTABLISHED');
  const allowed = marked(settings.acceptMark);
  // the state first: packets of established connections have no mark, and need no more than this question
  const undecided = [NOT_ESTABLISHED, marked(settings.acceptMark, true)];
  return [
    first('raw', 'PREROUTING', when([...fromEndpoint, ownSource(family, true)], jump(chain('antiSpoof')))),
    first('mangle', 'FORWARD', when([NOT_ESTABLISHED], jump(chain('forward')))),
    first('mangle', 'INPUT', when([...fromEndpoint, NOT_ESTABLISHED], jump(chain('input')))),
    first('mangle', 'INPUT', when([protocol('udp'), destinationPorts(VXLAN_PORT)], jump(chain('tunnels')))),
    first('mangle', 'INPUT', when([protocol(IPIP_PROTOCOL)], jump(chain('tunnels')))),
    first(settings.guardTable, 'FORWARD', when(undecided, jump(chain('guard')))),
    first(settings.guardTable, 'INPUT', when([...fromEndpoint, ...undecided], jump(chain('guard')))),
    early('filter', 'FORWARD', when([...fromEndpoint, established], ACCEPT)),
    early('filter', 'FORWARD', when([...toEndpoint, established], ACCEPT)),
    last('filter', 'FORWARD', when([...fromEndpoint, allowed], ACCEPT)),
    last('filter', 'FORWARD', when([...toEndpoint, allowed], ACCEPT)),
    last('nat', 'PREROUTING', when([{ kind: 'destinationIsLocal', negated: false }], jump(chain('publish')))),
    last('nat', 'OUTPUT', when([{ kind: 'destinationIsLocal', negated: false }], jump(chain('publish')))),
    last('nat', 'POSTROUTING', always(jump(chain('postrouting')))),
  ];
}
