import type { ReconcileFinding } from '../src/effects/reconcile-status.js';
import { BlockRecord } from '../src/model/block.js';
import type { Cidr } from '../src/model/cidr.js';
import { ConflictError } from '../src/model/errors.js';
import { HandleRecord, handleKey, tunnelHandleOf } from '../src/model/handle.js';
import { familyOf, type IpAddress, type IpFamily } from '../src/model/ip-address.js';
import { NodeRecord, nodeKey, tunnelAddressesOf } from '../src/model/node.js';
import { SubnetRecord, subnetKey } from '../src/model/subnet.js';
import { type IpamContext, isoNow } from './allocation-context.js';
import type { Allocator } from './allocator.js';
import { findBlock } from './assignments.js';
import { allocationOf, free } from './block.js';
import type { Draft } from './draft.js';
import { type LackingAddress, type TunnelNeeds, tunnelNeeds } from './tunnel-needs.js';

/** What came of one settling. */
export interface TunnelsSettled {
  readonly addresses: readonly IpAddress[];
  /** Of each family without one. */
  readonly findings: readonly ReconcileFinding[];
}

/** This node's own addresses in tunnels: bound to a handle of the node's, and told in its record. */
export class TunnelAddresses {
  readonly #context: IpamContext;
  readonly #allocator: Pick<Allocator, 'assignToNode'>;
  readonly #families: readonly IpFamily[];

  constructor(
    context: IpamContext,
    parts: { readonly allocator: Pick<Allocator, 'assignToNode'>; readonly families: readonly IpFamily[] },
  ) {
    this.#context = context;
    this.#allocator = parts.allocator;
    this.#families = parts.families;
  }

  /** As far as the records in memory tell; asks nobody. */
  isSettled(): boolean {
    const { store, node } = this.#context;
    const own = store.nodes.get(node)?.value;
    if (own === undefined) return true;
    const { ended, lacking } = this.#needs(tunnelAddressesOf(own));
    return ended.length + lacking.length === 0;
  }

  /**
   * Takes what is lacking and gives up what is needed no more, in one transaction with the node's record. Again: nothing
   * happens. A node without a record has none.
   */
  async settle(): Promise<TunnelsSettled> {
    const { ledger, quiet } = this.#context;
    const settled = await ledger.run({ fresh: true, decide: (draft) => this.#decide(draft) });
    for (const address of settled.addresses) quiet.forget(address);
    return settled;
  }

  #needs(has: readonly IpAddress[]): TunnelNeeds {
    const { store, nodeMatches } = this.#context;
    return tunnelNeeds({
      has,
      pools: [...store.pools.values()].map(({ value }) => value),
      networks: [...store.networks.values()].map(({ value }) => value),
      families: this.#families,
      nodeMatches,
    });
  }

  async #decide(draft: Draft): Promise<TunnelsSettled> {
    const { node } = this.#context;
    const record = await draft.read(NodeRecord, nodeKey(node));
    if (record === undefined) return { addresses: [], findings: [] };
    const handle = await draft.read(HandleRecord, handleKey(tunnelHandleOf(node)));
    const has: IpAddress[] = [];
    for (const address of handle?.addresses ?? []) if (await this.#isBound(draft, address)) has.push(address);
    const { kept, ended, lacking } = this.#needs(has);
    for (const address of ended) await this.#free(draft, address);
    const addresses = [...kept];
    const findings: ReconcileFinding[] = [];
    for (const lack of lacking) {
      const outcome = await this.#take(draft, lack);
      if (outcome.kind === 'taken') addresses.push(outcome.address);
      else findings.push(finding(lack.family, outcome.why));
    }
    const [tunnelIp, tunnelIp6] = [4, 6].map((family) => addresses.find((address) => familyOf(address) === family));
    this.#write(draft, handle?.addresses ?? [], tunnelAddressesOf({ tunnelIp, tunnelIp6 }));
    if (record.tunnelIp !== tunnelIp || record.tunnelIp6 !== tunnelIp6) {
      draft.write(NodeRecord, nodeKey(node), { ...record, tunnelIp, tunnelIp6 });
    }
    return { addresses, findings };
  }

  #write(draft: Draft, before: readonly IpAddress[], addresses: readonly IpAddress[]): void {
    if (before.join() === addresses.join()) return;
    const { node } = this.#context;
    const id = tunnelHandleOf(node);
    draft.write(HandleRecord, handleKey(id), addresses.length === 0 ? undefined : { id, node, addresses });
  }

  async #isBound(draft: Draft, address: IpAddress): Promise<boolean> {
    const found = await findBlock(draft, address);
    const by = found && allocationOf(found.block, address);
    return by?.state === 'bound' && by.handle === tunnelHandleOf(this.#context.node);
  }

  async #free(draft: Draft, address: IpAddress): Promise<void> {
    const found = await findBlock(draft, address);
    if (found !== undefined) draft.write(BlockRecord, found.key, free(found.block, address, isoNow(this.#context)));
  }

  async #take(draft: Draft, { subnets }: LackingAddress): Promise<Taken> {
    let why: string | undefined;
    for (const cidr of subnets) {
      const outcome = await this.#takeFrom(draft, cidr);
      if (outcome.kind === 'taken') return outcome;
      why ??= outcome.why;
    }
    const disabled =
      'the pools that it could come from are disabled; enable one with "corduroy pool set POOL --enable"';
    return { kind: 'none', why: why ?? disabled };
  }

  async #takeFrom(draft: Draft, cidr: Cidr): Promise<Taken> {
    const { node } = this.#context;
    const subnet = await draft.read(SubnetRecord, subnetKey(cidr));
    if (subnet?.use !== 'used') return { kind: 'none', why: `the network of ${cidr} is being removed; make another` };
    // It is not held: it must not go unseen while its block is written.
    draft.guard(subnetKey(cidr));
    const [handle, since] = [tunnelHandleOf(node), isoNow(this.#context)];
    const place = { subnet: cidr, blockLength: subnet.blockLength };
    try {
      const allocation = { state: 'bound', node, handle, since, released: true } as const;
      return { kind: 'taken', address: await this.#allocator.assignToNode(draft, place, allocation) };
    } catch (error) {
      if (error instanceof ConflictError) return { kind: 'none', why: error.message };
      throw error;
    }
  }
}

type Taken = { readonly kind: 'taken'; readonly address: IpAddress } | { readonly kind: 'none'; readonly why: string };

const finding = (family: IpFamily, why: string): ReconcileFinding => ({
  kind: 'no-tunnel-address',
  subject: `IPv${family}`,
  message: `this host itself does not reach containers of other hosts through tunnels, for want of an address there: ${why}`,
});
