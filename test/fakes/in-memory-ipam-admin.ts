import type {
  AddressReport,
  IpamAdmin,
  IpamSettingsChanges,
  PoolChanges,
  PoolOptions,
  PoolReport,
} from '../../src/effects/ipam-admin.js';
import { type Cidr, cidrKey, contains, overlaps, parseCidr, sizeOf } from '../../src/model/cidr.js';
import { ConflictError, NotFoundError } from '../../src/model/errors.js';
import { parseHandleId, parseNodeName } from '../../src/model/ids.js';
import { familyOf, type IpAddress } from '../../src/model/ip-address.js';
import { DEFAULT_IPAM_SETTINGS, type IpamSettings } from '../../src/model/ipam-settings.js';
import type { Pool } from '../../src/model/pool.js';

/** Pools in a map, and addresses that somebody holds in another. */
export class InMemoryIpamAdmin implements IpamAdmin {
  readonly assigned = new Set<IpAddress>();
  readonly #pools = new Map<Cidr, Pool>();
  #settings: IpamSettings = DEFAULT_IPAM_SETTINGS;

  async pools() {
    return [...this.#pools.values()];
  }

  async addPools(asked: readonly (PoolOptions & { readonly cidr: Cidr })[]) {
    const pools = asked.map(({ cidr, ...options }): Pool => {
      const clash = [...this.#pools.keys()].find((other) => overlaps(other, cidr));
      if (clash !== undefined) throw new ConflictError(`cannot add pool ${cidr}: it overlaps ${clash}; choose another`);
      const v4 = familyOf(cidr) === 4;
      return {
        cidr,
        name: options.name ?? cidrKey(cidr),
        blockSize: options.blockSize ?? (v4 ? 26 : 122),
        networkPrefix: options.networkPrefix ?? (v4 ? 24 : 64),
        encapsulation: options.encapsulation ?? { kind: 'none' },
        natOutgoing: options.natOutgoing ?? v4,
        disabled: options.disabled ?? false,
        ...(options.nodeSelector === undefined ? {} : { nodeSelector: options.nodeSelector }),
      };
    });
    for (const pool of pools) this.#pools.set(pool.cidr, pool);
    return pools;
  }

  addPoolRange({ first, last: _, ...options }: PoolOptions & { readonly first: IpAddress; readonly last: IpAddress }) {
    return this.addPools([{ ...options, cidr: parseCidr(`${first}/24`) }]);
  }

  async setPool(wanted: string, { nodeSelector, ...changes }: PoolChanges) {
    const { nodeSelector: old, ...pool } = this.#find(wanted);
    const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
    const selector = nodeSelector === undefined ? old : nodeSelector;
    const changed: Pool = { ...pool, ...given, ...(selector ? { nodeSelector: selector } : {}) };
    this.#pools.set(pool.cidr, changed);
    return changed;
  }

  async removePools(wanted: readonly string[]) {
    const pools = wanted.map((name) => this.#find(name));
    for (const { cidr } of pools) this.#pools.delete(cidr);
    return pools;
  }

  async settings() {
    return this.#settings;
  }

  async configure({ strictAffinity, maxBlocksPerHost }: IpamSettingsChanges) {
    const limit = maxBlocksPerHost === undefined ? this.#settings.maxBlocksPerHost : maxBlocksPerHost;
    this.#settings = {
      strictAffinity: strictAffinity ?? this.#settings.strictAffinity,
      ...(typeof limit === 'number' ? { maxBlocksPerHost: limit } : {}),
    };
    return this.#settings;
  }

  async show(address: IpAddress): Promise<AddressReport> {
    const pool = [...this.#pools.keys()].find((cidr) => contains(cidr, address));
    if (pool === undefined) return { address, is: { state: 'outside' } };
    if (!this.assigned.has(address)) return { address, pool, is: { state: 'free' } };
    const holder = { node: parseNodeName('alpha'), handle: parseHandleId('h1'), since: '2026-01-01T00:00:00.000Z' };
    return { address, pool, subnet: pool, block: pool, is: { state: 'bound', ...holder } };
  }

  async utilisation(): Promise<readonly PoolReport[]> {
    return [...this.#pools.values()].map((pool) => {
      const usage = this.#usage(pool.cidr);
      return { pool, usage, subnets: [{ cidr: pool.cidr, networks: [], nodes: [], usage }], blocks: [] };
    });
  }

  async blocks() {
    return [...this.#pools.keys()].map((cidr) => ({
      cidr,
      subnet: cidr,
      node: parseNodeName('alpha'),
      usage: this.#usage(cidr),
    }));
  }

  async release(address: IpAddress) {
    return this.assigned.delete(address) ? 'released' : 'was not assigned';
  }

  async releaseNode() {
    return 0;
  }

  badRecords() {
    return [];
  }

  async check({ repair }: { readonly repair: boolean }) {
    const finding = {
      kind: 'unbound-too-long',
      subject: '10.64.0.9',
      message: 'is unbound since an hour',
      repair: 'it is released',
      repaired: repair,
    } as const;
    return { blocks: 1, addresses: this.assigned.size, endpoints: 0, findings: [finding] };
  }

  #find(wanted: string): Pool {
    const found = [...this.#pools.values()].find(({ cidr, name }) => cidr === wanted || name === wanted);
    if (found === undefined) throw new NotFoundError(`no pool ${wanted}; see "corduroy pool list"`);
    return found;
  }

  #usage(cidr: Cidr) {
    const assigned = BigInt([...this.assigned].filter((address) => contains(cidr, address)).length);
    const size = sizeOf(cidr);
    return { size, assigned, cooling: 0n, reserved: 0n, free: size - assigned, borrowed: 0n };
  }
}
