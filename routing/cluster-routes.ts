import type { BlockChange, ClusterBlocks } from '../src/effects/cluster-blocks.js';
import type { ClusterChange, ClusterView } from '../src/effects/cluster-view.js';
import type { RouteProblem } from '../src/effects/dataplane-status.js';
import { type Cidr, prefixLengthOf } from '../src/model/cidr.js';
import type { HostNetwork } from '../src/model/host-network.js';
import type { InterfaceName, NodeName } from '../src/model/ids.js';
import { ADDRESS_BITS, familyOf, type IpFamily } from '../src/model/ip-address.js';
import type { Node } from '../src/model/node.js';
import type { Encapsulation, Pool } from '../src/model/pool.js';
import type { Route } from '../src/model/route.js';
import { BlockOwners } from './block-owners.js';
import { type Path, pathTo } from './peer-paths.js';
import { PoolTable } from './pool-table.js';
import { routeProblems, type Unreachable } from './route-problems.js';
import { type WantedTunnels, wantedTunnels } from './wanted-tunnels.js';

/** Who brings routes between nodes into the kernel, for pools without encapsulation. */
export type RouteDistribution = 'bgp' | 'direct' | 'none';

/** What may be wanted otherwise than before. */
export interface RouteChange {
  readonly destinations: readonly Cidr[];
  /** Tunnels too. */
  readonly tunnels: boolean;
}

/**
 * The routes of this node to what each node holds, from the records: into nothing for its own blocks, and to other nodes
 * where nobody else brings those. A change of one record costs what follows from it, not the size of the cluster.
 */
export class ClusterRoutes {
  readonly #node: NodeName;
  readonly #distribution: RouteDistribution;
  readonly #view: Pick<ClusterView, 'nodes' | 'pools' | 'subscribe'>;
  readonly #source: ClusterBlocks;
  readonly #owners = new BlockOwners();
  readonly #pools = new PoolTable();
  readonly #listeners = new Set<(change: RouteChange) => void>();
  /** What was found out of the paths to other nodes, by family and encapsulation. */
  readonly #paths = new Map<NodeName, Map<string, Path>>();
  #networks: readonly HostNetwork[] = [];
  #avoided: ReadonlySet<InterfaceName> = new Set();
  readonly #closers: (() => void)[] = [];

  constructor(options: {
    readonly node: NodeName;
    readonly distribution: RouteDistribution;
    readonly view: Pick<ClusterView, 'nodes' | 'pools' | 'subscribe'>;
    readonly blocks: ClusterBlocks;
  }) {
    this.#node = options.node;
    this.#distribution = options.distribution;
    this.#view = options.view;
    this.#source = options.blocks;
  }

  /** Resolves when the records are known; the view must be ready. From then on listeners are told of changes. */
  async start(): Promise<void> {
    await this.#source.ready();
    for (const { value } of this.#view.pools.values()) this.#pools.put(value);
    for (const block of this.#source.blocks()) this.#owners.apply(undefined, block);
    this.#closers.push(
      this.#source.subscribe((change) => this.#blockChanged(change)),
      this.#view.subscribe((change) => this.#recordChanged(change)),
    );
  }

  close(): void {
    for (const close of this.#closers.splice(0)) close();
  }

  subscribe(listener: (change: RouteChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What the host is on may be another than before: tells whether it is. */
  moved(networks: readonly HostNetwork[]): boolean {
    if (JSON.stringify(networks) === JSON.stringify(this.#networks)) return false;
    this.#networks = networks;
    this.#everythingChanged();
    return true;
  }

  /** No route leads by these links from now on. */
  avoid(links: ReadonlySet<InterfaceName>): void {
    if ([...links].join() === [...this.#avoided].join()) return;
    this.#avoided = links;
    this.#tell({ destinations: [...this.#owners.all()], tunnels: false });
  }

  tunnels(): WantedTunnels {
    const { nodes } = this.#view;
    return wantedTunnels({
      self: nodes.get(this.#node)?.value,
      peers: [...nodes.values()].map(({ value }) => value),
      pools: this.#pools.values(),
      networks: this.#networks,
    });
  }

  *routes(): Generator<Route> {
    for (const destination of this.#owners.all()) {
      const route = this.routeTo(destination);
      if (route !== undefined) yield route;
    }
  }

  routeTo(destination: Cidr): Route | undefined {
    const owner = this.#owners.ownerOf(destination);
    if (owner === undefined) return undefined;
    if (owner === this.#node) return this.#intoNothing(destination);
    const path = this.#pathTo(owner, destination);
    if (path?.kind !== 'via' || this.#avoided.has(path.interfaceName)) return undefined;
    return { destination, ...path };
  }

  /** Nodes that hold addresses to which there is no way. */
  problems(): readonly RouteProblem[] {
    return routeProblems(this.#unreachable());
  }

  *#unreachable(): Generator<Unreachable> {
    for (const node of this.#owners.owners()) {
      if (node === this.#node) continue;
      const lost = [...this.#owners.destinationsOf(node)].flatMap((destination) => {
        const path = this.#pathTo(node, destination);
        return path === undefined || path.kind === 'via' ? [] : [{ destination, path }];
      });
      const [first] = lost;
      if (first === undefined) continue;
      const pool = this.#pools.poolOf(first.destination)?.name ?? 'NAME';
      yield { node, path: first.path, first: first.destination, count: lost.length, pool };
    }
  }

  /** What of an own block nobody holds must not leave by the default route; a block of one address has no such. */
  #intoNothing(destination: Cidr): Route | undefined {
    if (!this.#owners.isBlock(destination)) return undefined;
    if (prefixLengthOf(destination) === ADDRESS_BITS[familyOf(destination)]) return undefined;
    return { kind: 'blackhole', destination };
  }

  /** undefined: others bring the route. Routes of pools with encapsulation are always ours. */
  #pathTo(owner: NodeName, destination: Cidr): Path | undefined {
    const encapsulation = this.#pools.poolOf(destination)?.encapsulation ?? { kind: 'none' };
    if (encapsulation.kind === 'none' && this.#distribution !== 'direct') return undefined;
    const family = familyOf(destination);
    const known = this.#paths.get(owner) ?? new Map<string, Path>();
    this.#paths.set(owner, known);
    const key = `${family} ${encapsulation.kind} ${encapsulation.kind !== 'none' && encapsulation.crossSubnet}`;
    const path = known.get(key) ?? this.#findPath(owner, family, encapsulation);
    known.set(key, path);
    return path;
  }

  #findPath(owner: NodeName, family: IpFamily, encapsulation: Encapsulation): Path {
    const { nodes } = this.#view;
    const self = nodes.get(this.#node)?.value;
    return pathTo(nodes.get(owner)?.value, family, encapsulation, { self, networks: this.#networks });
  }

  #blockChanged({ before, after }: BlockChange): void {
    this.#tell({ destinations: this.#owners.apply(before, after), tunnels: false });
  }

  #recordChanged(change: ClusterChange): void {
    if (change.kind === 'node') this.#nodeChanged(change.before, change.after);
    if (change.kind === 'pool') this.#poolChanged(change.before, change.after);
  }

  #nodeChanged(before: Node | undefined, after: Node | undefined): void {
    const name = (after ?? before)?.name;
    if (name === undefined) return;
    const isSame = (field: 'ip' | 'ip6' | 'tunnelIp' | 'tunnelIp6') => before?.[field] === after?.[field];
    if (name === this.#node) {
      if (!isSame('ip') || !isSame('ip6') || !isSame('tunnelIp') || !isSame('tunnelIp6')) this.#everythingChanged();
    } else if (!isSame('ip') || !isSame('ip6')) {
      this.#paths.delete(name);
      this.#tell({ destinations: [...this.#owners.destinationsOf(name)], tunnels: true });
    }
  }

  #poolChanged(before: Pool | undefined, after: Pool | undefined): void {
    if (before !== undefined) this.#pools.delete(before.cidr);
    if (after !== undefined) this.#pools.put(after);
    if (JSON.stringify(before?.encapsulation) !== JSON.stringify(after?.encapsulation)) this.#everythingChanged();
  }

  #everythingChanged(): void {
    this.#paths.clear();
    this.#tell({ destinations: [...this.#owners.all()], tunnels: true });
  }

  #tell(change: RouteChange): void {
    if (change.destinations.length === 0 && !change.tunnels) return;
    for (const listener of this.#listeners) listener(change);
  }
}
