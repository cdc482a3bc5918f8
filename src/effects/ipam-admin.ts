import type { Cidr } from '../model/cidr.js';
import type { HandleId, NetworkName, NodeName } from '../model/ids.js';
import type { IpAddress } from '../model/ip-address.js';
import type { IpamSettings } from '../model/ipam-settings.js';
import type { Encapsulation, Pool } from '../model/pool.js';

/** What a user may say about a pool besides its CIDR; what is left out gets the default of its family. */
export interface PoolOptions {
  readonly name?: string | undefined;
  readonly blockSize?: number | undefined;
  readonly networkPrefix?: number | undefined;
  readonly encapsulation?: Encapsulation | undefined;
  readonly natOutgoing?: boolean | undefined;
  readonly disabled?: boolean | undefined;
  readonly nodeSelector?: string | undefined;
}

/** What may change in a pool's life. `nodeSelector: null` takes the selector away; blockSize is fixed. */
export interface PoolChanges {
  readonly name?: string | undefined;
  readonly networkPrefix?: number | undefined;
  readonly encapsulation?: Encapsulation | undefined;
  readonly natOutgoing?: boolean | undefined;
  readonly disabled?: boolean | undefined;
  readonly nodeSelector?: string | null | undefined;
}

/** Counts of addresses. `size` = assigned + reserved + cooling + free; it is a bigint because of IPv6. */
export interface Usage {
  readonly size: bigint;
  /** Held by an endpoint, or by one that is being made. */
  readonly assigned: bigint;
  /** Given back, and not used again until its cool-down is over. */
  readonly cooling: bigint;
  /** Gateways and auxiliary addresses. */
  readonly reserved: bigint;
  readonly free: bigint;
  /** Of `assigned`: those that another node than the block's own holds. */
  readonly borrowed: bigint;
}

/** How full one block is. */
export interface BlockReport {
  readonly cidr: Cidr;
  readonly subnet: Cidr;
  /** The node whose block it is; absent: any node's next to claim. */
  readonly node?: NodeName | undefined;
  readonly usage: Usage;
}

/** One network's subnet, and how full it is. */
export interface SubnetReport {
  readonly cidr: Cidr;
  /** Networks of the cluster that use it, as far as their records tell. */
  readonly networks: readonly NetworkName[];
  /** Nodes that have requested it. */
  readonly nodes: readonly NodeName[];
  readonly usage: Usage;
}

/** One pool, how full it is, and what was made of it. */
export interface PoolReport {
  readonly pool: Pool;
  readonly usage: Usage;
  readonly subnets: readonly SubnetReport[];
  readonly blocks: readonly BlockReport[];
}

/** `outside`: in no pool, or in no network's subnet. `unbound`: given to Docker, and no endpoint has come for it yet. */
export type AddressState =
  | { readonly state: 'outside' | 'free' }
  | { readonly state: 'cooling'; readonly releasedAt: string }
  | { readonly state: 'unbound' | 'bound'; readonly node: NodeName; readonly handle: HandleId; readonly since: string }
  | { readonly state: 'reserved'; readonly purpose: 'gateway' | 'auxiliary'; readonly nodes: readonly NodeName[] };

/** What is known about one address. */
export interface AddressReport {
  readonly address: IpAddress;
  readonly pool?: Cidr | undefined;
  readonly subnet?: Cidr | undefined;
  readonly block?: Cidr | undefined;
  readonly is: AddressState;
}

/** One thing that is not as it should be. */
export interface IpamFinding {
  readonly kind:
    | 'corrupt-record'
    /** An endpoint's address that no block knows, or that another handle holds: the worst. */
    | 'endpoint-address-not-assigned'
    /** A bound address whose endpoint is not in the store. */
    | 'bound-without-endpoint'
    | 'unbound-too-long'
    | 'reserved-without-subnet'
    | 'block-without-subnet'
    | 'handle-without-address'
    | 'subnet-without-pool'
    | 'subnets-overlap'
    | 'pools-overlap';
  /** An address, a CIDR or a key. */
  readonly subject: string;
  /** One sentence. */
  readonly message: string;
  /** What `--repair` does about it; absent: only a person can. */
  readonly repair?: string | undefined;
  readonly repaired: boolean;
}

/** What was compared, by number, and what was found. */
export interface IpamCheckReport {
  readonly blocks: number;
  readonly addresses: number;
  readonly endpoints: number;
  readonly findings: readonly IpamFinding[];
}

/** What may change of the cluster's settings; null: no limit. */
export interface IpamSettingsChanges {
  readonly strictAffinity?: boolean | undefined;
  readonly maxBlocksPerHost?: number | null | undefined;
}

/** Address management for people: what the command line and the admin API do to pools and addresses. */
export interface IpamAdmin {
  /** By CIDR. */
  pools(): Promise<readonly Pool[]>;
  /** All or none. @throws ConflictError if one overlaps a pool or takes its name; InvalidRequestError */
  addPools(pools: readonly (PoolOptions & { readonly cidr: Cidr })[]): Promise<readonly Pool[]>;
  /** Pools of the fewest CIDRs that are exactly `first` to `last`, both included. A name gets `-1`, `-2`... */
  addPoolRange(range: PoolOptions & { readonly first: IpAddress; readonly last: IpAddress }): Promise<readonly Pool[]>;
  /** @param pool CIDR or name. @throws NotFoundError listing the pools; ConflictError */
  setPool(pool: string, changes: PoolChanges): Promise<Pool>;
  /** All or none. @throws ConflictError naming the networks that use one; NotFoundError */
  removePools(pools: readonly string[]): Promise<readonly Pool[]>;
  settings(): Promise<IpamSettings>;
  /** For all nodes, from their next decision on; what they hold stays. */
  configure(changes: IpamSettingsChanges): Promise<IpamSettings>;
  show(address: IpAddress): Promise<AddressReport>;
  /** Every pool with its subnets and blocks. */
  utilisation(): Promise<readonly PoolReport[]>;
  blocks(): Promise<readonly BlockReport[]>;
  /**
   * Frees an address that no living endpoint has; it cools down like any other.
   *
   * @throws ConflictError if an endpoint in the store has it, or it is a network's gateway or auxiliary address;
   * NotFoundError if it is in no pool
   */
  release(address: IpAddress): Promise<'released' | 'was not assigned'>;
  /**
   * Gives up all that a node has: its hold on subnets, its addresses, which cool down, and its blocks, which are others'
   * to claim. For a node that is gone for good. @returns how many addresses were freed
   */
  releaseNode(node: NodeName): Promise<number>;
  /** Stored records of address management that could not be read when they were last seen. Asks nobody. */
  badRecords(): readonly { readonly key: string; readonly problem: string }[];
  /** Compares pools, subnets, blocks, handles and endpoints. `repair: false` changes nothing. */
  check(options: { readonly repair: boolean }): Promise<IpamCheckReport>;
}
