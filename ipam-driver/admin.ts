import type { Datastore } from '../src/effects/datastore.js';
import type {
  AddressReport,
  AddressState,
  BlockReport,
  IpamAdmin,
  IpamCheckReport,
  IpamFinding,
  IpamSettingsChanges,
  PoolChanges,
  PoolOptions,
  PoolReport,
} from '../src/effects/ipam-admin.js';
import type { Allocation, Block } from '../src/model/block.js';
import { type Cidr, contains, networkOf, overlaps } from '../src/model/cidr.js';
import { ConflictError, NotFoundError } from '../src/model/errors.js';
import { filtered } from '../src/model/filtered.js';
import { isTunnelHandle } from '../src/model/handle.js';
import type { NodeName } from '../src/model/ids.js';
import type { IpAddress } from '../src/model/ip-address.js';
import {
  DEFAULT_IPAM_SETTINGS,
  IPAM_SETTINGS_KEY,
  type IpamSettings,
  IpamSettingsRecord,
} from '../src/model/ipam-settings.js';
import type { Pool } from '../src/model/pool.js';
import type { Subnet } from '../src/model/subnet.js';
import type { IpamContext } from './allocation-context.js';
import { allocationOf, coolingAddresses } from './block.js';
import { describeRepair, findProblems } from './check.js';
import { type IpamSnapshot, readSnapshot } from './ipam-snapshot.js';
import { networksWith } from './networks-of-subnet.js';
import { releaseNode } from './node-release.js';
import { PoolAdmin } from './pool-admin.js';
import { listPools } from './pool-choice.js';
import { rangeCidrs } from './range-cidrs.js';
import { freeIfSame } from './reclaimer.js';
import { repair } from './repair.js';
import { reservedBy } from './subnet-holds.js';
import type { SubnetRegistry } from './subnet-registry.js';
import { usageOf } from './usage.js';

/** Address management for people. Reads the datastore anew for each question. */
export class LedgerIpamAdmin implements IpamAdmin {
  readonly #context: IpamContext;
  readonly #registry: SubnetRegistry;
  readonly #datastore: Pick<Datastore, 'list'>;
  readonly #pools: PoolAdmin;

  constructor(context: IpamContext, registry: SubnetRegistry, datastore: Pick<Datastore, 'list'>) {
    this.#context = context;
    this.#registry = registry;
    this.#datastore = datastore;
    this.#pools = new PoolAdmin(context);
  }

  pools(): Promise<readonly Pool[]> {
    return this.#pools.list();
  }

  addPools(pools: readonly (PoolOptions & { readonly cidr: Cidr })[]): Promise<readonly Pool[]> {
    return this.#pools.add(pools);
  }

  async addPoolRange(
    range: PoolOptions & { readonly first: IpAddress; readonly last: IpAddress },
  ): Promise<readonly Pool[]> {
    const { first, last, name, ...options } = range;
    const cidrs = rangeCidrs(first, last);
    const named = (n: number) => (name === undefined ? {} : { name: cidrs.length === 1 ? name : `${name}-${n + 1}` });
    return this.#pools.add(cidrs.map((cidr, n) => ({ ...options, ...named(n), cidr })));
  }

  setPool(pool: string, changes: PoolChanges): Promise<Pool> {
    return this.#pools.set(pool, changes);
  }

  removePools(pools: readonly string[]): Promise<readonly Pool[]> {
    return this.#pools.remove(pools);
  }

  async settings(): Promise<IpamSettings> {
    const { ledger } = this.#context;
    const stored = await ledger.run({
      fresh: true,
      decide: (draft) => draft.read(IpamSettingsRecord, IPAM_SETTINGS_KEY),
    });
    return stored ?? DEFAULT_IPAM_SETTINGS;
  }

  configure({ strictAffinity, maxBlocksPerHost }: IpamSettingsChanges): Promise<IpamSettings> {
    return this.#context.ledger.run({
      fresh: true,
      decide: async (draft) => {
        const before = (await draft.read(IpamSettingsRecord, IPAM_SETTINGS_KEY)) ?? DEFAULT_IPAM_SETTINGS;
        const limit = maxBlocksPerHost === undefined ? before.maxBlocksPerHost : (maxBlocksPerHost ?? undefined);
        const after: IpamSettings = {
          strictAffinity: strictAffinity ?? before.strictAffinity,
          ...(limit === undefined ? {} : { maxBlocksPerHost: limit }),
        };
        draft.write(IpamSettingsRecord, IPAM_SETTINGS_KEY, after);
        return after;
      },
    });
  }

  async show(address: IpAddress): Promise<AddressReport> {
    const snapshot = await readSnapshot(this.#datastore);
    const pool = snapshot.pools.find(({ cidr }) => contains(cidr, address))?.cidr;
    const { subnet, block } = place(snapshot, address);
    const is = stateOf(address, snapshot, { subnet, block });
    return { address, pool, subnet: subnet?.cidr, block: block?.cidr, is };
  }

  async utilisation(): Promise<readonly PoolReport[]> {
    const snapshot = await readSnapshot(this.#datastore);
    return snapshot.pools.map((pool): PoolReport => {
      const inPool = snapshot.subnets.filter(({ cidr }) => overlaps(pool.cidr, cidr));
      const blocks = snapshot.blocks.filter(({ subnet }) => inPool.some(({ cidr }) => cidr === subnet));
      const subnets = inPool.map(({ cidr }) => ({
        cidr,
        networks: networksWith(this.#context.store, cidr),
        nodes: snapshot.holds.filter(({ subnet }) => subnet === cidr).map(({ node }) => node),
        usage: usageOf(
          cidr,
          blocks.filter(({ subnet }) => subnet === cidr),
        ),
      }));
      return { pool, usage: usageOf(pool.cidr, blocks), subnets, blocks: blocks.map(reportBlock) };
    });
  }

  async blocks(): Promise<readonly BlockReport[]> {
    return (await readSnapshot(this.#datastore)).blocks.map(reportBlock);
  }

  async release(address: IpAddress): Promise<'released' | 'was not assigned'> {
    const [user] = filtered(this.#context.store.endpoints.values(), ({ value }) => value.addresses.includes(address));
    if (user !== undefined)
      throw new ConflictError(
        `${address} cannot be released: ${user.value.container?.name ?? `endpoint ${user.value.id.slice(0, 12)}`} on node ${user.value.node} has it; remove that container first`,
      );
    const snapshot = await readSnapshot(this.#datastore);
    const { subnet, block } = place(snapshot, address);
    if (subnet === undefined && !snapshot.pools.some(({ cidr }) => contains(cidr, address)))
      throw new NotFoundError(
        `${address} cannot be released: it is in no pool (${listPools(snapshot.pools)}); give an address of one of them`,
      );
    const by = block === undefined ? undefined : allocationOf(block, address);
    if (subnet === undefined || by === undefined) return 'was not assigned';
    if (by.state === 'reserved')
      throw new ConflictError(
        `${address} cannot be released: it is ${by.purpose === 'gateway' ? 'the gateway' : 'an auxiliary address'} of a network in ${subnet.cidr}; remove the network, or run "corduroy ipam check --repair" if it is gone`,
      );
    if (by.state === 'bound' && isTunnelHandle(by.handle))
      throw new ConflictError(
        `${address} cannot be released: it is the tunnel address of node ${by.node}; it goes when no pool of its family is encapsulated any more, or with "corduroy node remove ${by.node}"`,
      );
    const freed = await freeIfSame(this.#context, { subnet: subnet.cidr, address, allocation: by });
    return freed ? 'released' : 'was not assigned';
  }

  releaseNode(node: NodeName): Promise<number> {
    return releaseNode(this.#context, this.#registry, node);
  }

  badRecords(): readonly { readonly key: string; readonly problem: string }[] {
    return this.#context.ledger.corrupt().map(({ key, message }) => ({ key, problem: message }));
  }

  async check(options: { readonly repair: boolean }): Promise<IpamCheckReport> {
    const { store, clock, node } = this.#context;
    const snapshot = await readSnapshot(this.#datastore);
    const endpoints = [...store.endpoints.values()]
      .map(({ value }) => value)
      .filter((endpoint) => store.networkOf(endpoint)?.ipam !== 'docker');
    const boundSubnets = new Set(
      [...store.localNetworks.values()].flatMap(
        ({ value }) => store.networks.get(value.network)?.value.subnets.map(({ cidr }) => cidr) ?? [],
      ),
    );
    const problems = findProblems({ ...snapshot, now: clock.now(), node, endpoints, boundSubnets });
    const findings: IpamFinding[] = [];
    // What seems to belong to nobody may belong to a record that cannot be read.
    const legible = snapshot.corrupt.length === 0 && store.problems.length === 0;
    for (const { repair: known, ...problem } of problems) {
      const cure = legible ? known : undefined;
      const repaired = options.repair && cure !== undefined && (await repair(this.#context, cure));
      const wait =
        known !== undefined && !legible ? '; put the bad records right first, which "corduroy status" lists' : '';
      findings.push({
        ...problem,
        message: problem.message + wait,
        ...(cure === undefined ? {} : { repair: describeRepair(cure) }),
        repaired,
      });
    }
    const addresses = snapshot.blocks.reduce((sum, { allocations }) => sum + allocations.size, 0);
    return { blocks: snapshot.blocks.length, addresses, endpoints: endpoints.length, findings };
  }
}

function place({ subnets, blocks }: IpamSnapshot, address: IpAddress): { subnet?: Subnet; block?: Block } {
  const subnet = subnets.find(({ cidr }) => contains(cidr, address));
  if (subnet === undefined) return {};
  const cidr = networkOf(address, subnet.blockLength);
  const block = blocks.find((b) => b.cidr === cidr && b.subnet === subnet.cidr);
  return block === undefined ? { subnet } : { subnet, block };
}

function stateOf(
  address: IpAddress,
  { holds }: IpamSnapshot,
  { subnet, block }: { readonly subnet: Subnet | undefined; readonly block: Block | undefined },
): AddressState {
  if (subnet === undefined) return { state: 'outside' };
  const by: Allocation | undefined = block && allocationOf(block, address);
  if (by?.state === 'reserved') {
    const nodes = holds.filter((hold) => hold.subnet === subnet.cidr && reservedBy([hold], address) > 0);
    return { state: 'reserved', purpose: by.purpose, nodes: nodes.map(({ node }) => node) };
  }
  if (by !== undefined) return { state: by.state, node: by.node, handle: by.handle, since: by.since };
  const cooling = block && coolingAddresses(block).find((c) => c.address === address);
  return cooling === undefined ? { state: 'free' } : { state: 'cooling', releasedAt: cooling.releasedAt.toISOString() };
}

const reportBlock = (block: Block): BlockReport => ({
  cidr: block.cidr,
  subnet: block.subnet,
  ...(block.node === undefined ? {} : { node: block.node }),
  usage: usageOf(block.cidr, [block]),
});
