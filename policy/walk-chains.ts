import { assertNever } from '../src/model/assert-never.js';
import {
  type ChainName,
  chainKey,
  type FilterRule,
  type FirewallState,
  type Hook,
  type Table,
} from '../src/model/chain.js';
import type { IpAddress } from '../src/model/ip-address.js';
import type { Packet } from '../src/model/packet.js';
import { matchesPacket } from './packet-match.js';

/** Where a walk was decided: the chain, and the rule's place in it; the hook's own name for its end. */
export interface DecidedAt {
  readonly table: Table;
  /** A chain of ours, or one of the kernel's: `FORWARD`. */
  readonly chain: string;
  /** Undefined: no rule decided, the end was reached. */
  readonly rule?: FilterRule | undefined;
  readonly position?: number | undefined;
}

export type WalkVerdict =
  | { readonly kind: 'accept' | 'drop' }
  /** No rule of ours decided: the packet goes on to others' rules. */
  | { readonly kind: 'continue' }
  | { readonly kind: 'dnat'; readonly address: IpAddress; readonly port: number }
  | { readonly kind: 'masquerade' };

export interface Walk {
  readonly verdict: WalkVerdict;
  readonly mark: number;
  readonly decidedAt: DecidedAt;
  /** The rules that matched, in order: why the packet went the way it did. */
  readonly trail: readonly DecidedAt[];
}

/**
 * Sends a packet through our rules of one table and hook, in the state as the kernel would hold it. Rules of others
 * are not known; limits never hold back.
 *
 * @param mark what the packet bears when it arrives, as `walk.mark` of the table before
 */
export function walkChains(
  state: FirewallState,
  at: { readonly table: Table; readonly hook: Hook; readonly mark?: number },
  packet: Packet,
): Walk {
  const walker = new Walker(state, at.table, packet, at.mark ?? 0);
  const rules = state.hooks.filter(({ table, hook }) => table === at.table && hook === at.hook);
  const decided = walker.run(
    at.hook,
    rules.map(({ rule }) => rule),
  );
  return {
    verdict: decided?.verdict ?? { kind: 'continue' },
    mark: walker.mark,
    decidedAt: decided?.at ?? { table: at.table, chain: at.hook },
    trail: walker.trail,
  };
}

interface Decision {
  readonly verdict: WalkVerdict;
  readonly at: DecidedAt;
}

class Walker {
  readonly #state: FirewallState;
  readonly #table: Table;
  readonly #packet: Packet;
  readonly trail: DecidedAt[] = [];
  mark: number;

  constructor(state: FirewallState, table: Table, packet: Packet, mark: number) {
    this.#state = state;
    this.#table = table;
    this.#packet = packet;
    this.mark = mark;
  }

  /** Undefined: the rules ended or returned without a verdict. */
  run(chain: string, rules: readonly FilterRule[]): Decision | undefined {
    for (const [position, rule] of rules.entries()) {
      if (!rule.matches.every((match) => matchesPacket(match, this.#packet, this.mark, this.#state.sets))) continue;
      const at = { table: this.#table, chain, rule, position };
      const { target } = rule;
      this.trail.push(at);
      switch (target.kind) {
        case 'accept':
        case 'drop':
        case 'masquerade':
          return { verdict: { kind: target.kind }, at };
        case 'dnat':
          return { verdict: { kind: 'dnat', address: target.address, port: target.port }, at };
        case 'return':
          return undefined;
        case 'goto':
          // what returns from there returns from here
          return this.run(target.chain, this.#rulesOf(target.chain));
        case 'jump': {
          const decided = this.run(target.chain, this.#rulesOf(target.chain));
          if (decided !== undefined) return decided;
          break;
        }
        case 'setMark':
          this.mark = (this.mark & ~target.mask) | target.value;
          break;
        case 'log':
        case 'noTrack':
          break;
        default:
          return assertNever(target);
      }
    }
    return undefined;
  }

  /** A chain that does not exist: the kernel would have refused the rule. */
  #rulesOf(name: ChainName): readonly FilterRule[] {
    const chain = this.#state.chains.get(chainKey(this.#table, name));
    if (chain === undefined) throw new Error(`a rule refers to the chain ${name}, which is not in the state`);
    return chain.rules;
  }
}
