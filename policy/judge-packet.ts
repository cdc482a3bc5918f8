import type { FilterRule, FirewallState, Hook, Table } from '../src/model/chain.js';
import type { Packet } from '../src/model/packet.js';
import { chain } from './chain-names.js';
import { type DecidedAt, type Walk, walkChains } from './walk-chains.js';

export interface Judgement {
  readonly allowed: boolean;
  /** The rule that allowed or dropped it; without a rule, the end that was reached. */
  readonly decidedAt: DecidedAt;
  /** All rules that matched, in order. */
  readonly trail: readonly DecidedAt[];
}

/** The filtering stages in the order in which a packet meets them; translation is the caller's. */
function stagesOf({ inInterface, outInterface }: Packet): readonly { readonly table: Table; readonly hook: Hook }[] {
  const entry = { table: 'raw', hook: 'PREROUTING' } as const;
  if (inInterface === undefined) return [{ table: 'filter', hook: 'OUTPUT' }];
  const hook = outInterface === undefined ? 'INPUT' : 'FORWARD';
  return [entry, { table: 'mangle', hook }, { table: 'filter', hook }, { table: 'security', hook }];
}

/**
 * Whether our rules let the packet through this host, from its entry to its exit. To judge a connection that is
 * established, ask for its first packet with `conntrack: 'NEW'`, and `dnat` if its destination was translated.
 */
export function judgePacket(state: FirewallState, packet: Packet): Judgement {
  const trail: DecidedAt[] = [];
  let last: Walk | undefined;
  for (const stage of stagesOf(packet)) {
    last = walkChains(state, { ...stage, mark: last?.mark ?? 0 }, packet);
    trail.push(...last.trail);
    if (last.verdict.kind === 'drop') return { allowed: false, decidedAt: last.decidedAt, trail };
  }
  return { allowed: true, decidedAt: deciding(trail) ?? (last as Walk).decidedAt, trail };
}

/** The last rule that allowed the packet: where both ends are endpoints, that of the destination. */
const deciding = (trail: readonly DecidedAt[]): DecidedAt | undefined =>
  trail.findLast(({ chain: name, rule }) => name !== chain('accept') && rule !== undefined && allows(rule));

/** Marks the packet, or sends it to where it is marked. */
const allows = ({ target }: FilterRule): boolean =>
  target.kind === 'goto' ? target.chain === chain('accept') : target.kind === 'setMark' && target.value !== 0;
