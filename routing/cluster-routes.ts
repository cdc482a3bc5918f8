import type { BlockChange, ClusterBlocks } from '../src/effects/cluster-blocks.js';
import type { ClusterChange, ClusterView } from '../src/effects/cluster-view.js';
import type { RouteProblem } from '../src/effects/dataplane-status.js';
import { type Cidr, prefixLengthOf } from '../src/model/cidr.js';
import type { HostNetwork } from '../src/model/host-network.js';
import type { NodeName } from '../src/model/ids.js';
import { ADDRESS_BITS, familyOf, type IpFamily } from '../src/model/ip-address.js';
import type { Node } from '../src/model/node.js';
import type { Pool } from '../src/model/pool.js';
import type { Route } from '../src/model/route.js';
import { BlockOwners } from './block-owners.js';
import { type DirectPath, directPath } from './peer-paths.js';
import { PoolTable } from './pool-table.js';
import { routeProblems } from './route-problems.js';

/** Who brings routes between nodes into the kernel, for pools without encapsulation. */
export type RouteDistribution = 'bgp' | 'direct' | 'none';

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
  readonly #listeners = new Set<(destinations: Iterable<Cidr>) => void>();
  /** What was found out of the paths to other nodes, from `networks`. */
  readonly #paths = new Map<NodeName, Readonly<Record<IpFamily, DirectPath>>>();
  #networks: readonly HostNetwork[] = [];
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

  /** Called with the destinations whose routes may have changed. */
  subscribe(listener: (destinations: Iterable<Cidr>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What the host is on may be another than before. */
  moved(networks: readonly HostNetwork[]): void {
    if (JSON.stringify(networks) === JSON.stringify(this.#networks)) return;
    this.#networks = networks;
    this.#paths.clear();
    this.#tell(this.#owners.all());
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
    if (path?.kind !== 'onLink') return undefined;
    return { kind: 'via', destination, gateway: path.gateway, interfaceName: path.interfaceName };
  }

  /** Nodes that hold addresses to which there is no way. */
  problems(): readonly RouteProblem[] {
    return routeProblems(this.#unreachable());
  }

  *#unreachable() {
    for (const owner of this.#owners.owners()) {
      if (owner === this.#node) continue;
      const destinations = [...this.#owners.destinationsOf(owner)];
      const lost = destinations.filter((destination) => {
        const path = this.#pathTo(owner, destination);
        return path !== undefined && path.kind !== 'onLink';
      });
      const [first] = lost;
      const path = first && this.#pathTo(owner, first);
      if (first === undefined || path === undefined) continue;
      yield { node: owner, path, first, count: lost.length, pool: this.#pools.poolOf(first)?.name };
    }
  }

  /** What of an own block nobody holds must not leave by the default route; a block of one address has no such. */
  #intoNothing(destination: Cidr): Route | undefined {
    if (!this.#owners.isBlock(destination)) return undefined;
    if (prefixLengthOf(destination) === ADDRESS_BITS[familyOf(destination)]) return undefined;
    return { kind: 'blackhole', destination };
  }

  /** undefined: others bring the route. */
  #pathTo(owner: NodeName, destination: Cidr): DirectPath | undefined {
    if (this.#distribution !== 'direct') return undefined;
    return this.#pathsTo(owner)[familyOf(destination)];
  }

  #pathsTo(node: NodeName): Readonly<Record<IpFamily, DirectPath>> {
    const known = this.#paths.get(node);
    if (known !== undefined) return known;
    const record = this.#view.nodes.get(node)?.value;
    const paths = { 4: directPath(record, 4, this.#networks), 6: directPath(record, 6, this.#networks) };
    this.#paths.set(node, paths);
    return paths;
  }

  #blockChanged({ before, after }: BlockChange): void {
    this.#tell(this.#owners.apply(before, after));
  }

  #recordChanged(change: ClusterChange): void {
    if (change.kind === 'node') this.#nodeChanged(change.before, change.after);
    if (change.kind === 'pool') this.#poolChanged(change.before, change.after);
  }

  #nodeChanged(before: Node | undefined, after: Node | undefined): void {
    const name = (after ?? before)?.name;
    if (name === undefined || (before?.ip === after?.ip && before?.ip6 === after?.ip6)) return;
    this.#paths.delete(name);
    this.#tell(this.#owners.destinationsOf(name));
  }

  #poolChanged(before: Pool | undefined, after: Pool | undefined): void {
    if (before !== undefined) this.#pools.delete(before.cidr);
    if (after !== undefined) this.#pools.put(after);
    if (JSON.stringify(before?.encapsulation) !== JSON.stringify(after?.encapsulation)) this.#tell(this.#owners.all());
  }

  #tell(destinations: Iterable<Cidr>): void {
    const all = [...destinations];
    if (all.length === 0) return;
    for (const listener of this.#listeners) listener(all);
  }
}
