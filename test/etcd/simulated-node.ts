import { randomUUID } from 'node:crypto';
import type { Clock } from '../../src/effects/clock.js';
import type { ClusterBlocks } from '../../src/effects/cluster-blocks.js';
import type { ClusterStore } from '../../src/effects/cluster-view.js';
import type { Datastore, Transaction, TransactionOutcome } from '../../src/effects/datastore.js';
import type { DockerNetwork } from '../../src/effects/docker.js';
import type { ClusterCache } from '../../src/infrastructure/cluster-cache.js';
import { parseCidr } from '../../src/model/cidr.js';
import { DatastoreUnavailableError } from '../../src/model/errors.js';
import { type EndpointId, parseDockerNetworkId, parseNetworkName } from '../../src/model/ids.js';
import { aNode, ip, type TestNode } from '../builders/ipam.js';

const NETWORK_ID = parseDockerNetworkId('f'.repeat(64));
const WEB = parseNetworkName('web');

/** Who has which address, as containers see it. It shouts if two have one. */
export class Holders {
  readonly #by = new Map<string, string>();
  readonly doubles: string[] = [];
  /** How often an address was had. */
  count = 0;

  has(address: string, by: string): void {
    const other = this.#by.get(address);
    if (other !== undefined) this.doubles.push(`${address}: ${other} and ${by}`);
    this.#by.set(address, by);
    this.count += 1;
  }

  lets(address: string, by: string): void {
    if (this.#by.get(address) === by) this.#by.delete(address);
  }
}

/** Dies in the middle of things: the transaction on its way is lost, or is committed though nobody hears of it. */
class Mortal {
  dead = false;
  /** Transactions until it dies. */
  #left = Number.POSITIVE_INFINITY;
  #when: 'before' | 'after' = 'before';

  dieAfter(transactions: number, when: 'before' | 'after'): void {
    this.#left = transactions;
    this.#when = when;
  }

  async transact(store: Datastore, transaction: Transaction): Promise<TransactionOutcome> {
    this.#requireAlive();
    const isLast = this.#left-- <= 0;
    if (isLast && this.#when === 'before') throw this.#die();
    const outcome = await store.transact(transaction);
    if (isLast) throw this.#die();
    this.#requireAlive();
    return outcome;
  }

  async ask<T>(answer: () => Promise<T>): Promise<T> {
    this.#requireAlive();
    const value = await answer();
    this.#requireAlive();
    return value;
  }

  #requireAlive(): void {
    if (this.dead) throw this.#die();
  }

  #die(): DatastoreUnavailableError {
    this.dead = true;
    return new DatastoreUnavailableError('the daemon is dead; nobody reads this');
  }
}

/** A host: its Docker, which outlives the daemon, and the daemon's address management, which dies and comes again. */
export class SimulatedNode {
  readonly name: string;
  readonly #subnet: string;
  readonly #datastore: Datastore;
  readonly #view: ClusterCache;
  readonly #blocks: ClusterBlocks;
  readonly #clock: Clock;
  readonly #holders: Holders;
  /** Docker's containers: address and endpoint. */
  #containers = new Map<string, string>();
  #poolId: string | undefined;
  #life = new Mortal();
  #ipam: TestNode;

  constructor(parts: {
    readonly name: string;
    readonly subnet: string;
    readonly datastore: Datastore;
    readonly view: ClusterCache;
    readonly blocks: ClusterBlocks;
    readonly clock: Clock;
    readonly holders: Holders;
  }) {
    this.name = parts.name;
    this.#subnet = parts.subnet;
    this.#datastore = parts.datastore;
    this.#view = parts.view;
    this.#blocks = parts.blocks;
    this.#clock = parts.clock;
    this.#holders = parts.holders;
    this.#ipam = this.#begin();
  }

  get containers(): number {
    return this.#containers.size;
  }

  get ipam(): TestNode['ipam'] {
    return this.#ipam.ipam;
  }

  /** Docker makes its network, as the network of all hosts. */
  async join(): Promise<void> {
    if (this.#poolId !== undefined) return;
    const id = await this.#try(async () => (await this.#ipam.requestPool({ Pool: this.#subnet })).PoolID);
    if (id === undefined) return;
    this.#poolId = id;
    await this.#try(() => this.#ipam.requestGateway(id));
  }

  /** `docker run`: what Docker does not hear of, it gives back or forgets. */
  async start(): Promise<void> {
    const pool = this.#poolId;
    if (pool === undefined) return;
    const address = await this.#try(async () => ip(await this.#ipam.requestAddress(pool, '', 'c')));
    if (address === undefined) return;
    this.#holders.has(address, this.name);
    const endpoint = randomUUID().replaceAll('-', '').padEnd(64, '0');
    this.#containers.set(address, endpoint);
    if ((await this.#try(async () => (await this.#ipam.bind(address, endpoint)) ?? true)) !== true) {
      await this.#giveBack(address);
    }
  }

  /** `docker rm` of one of them, in Docker's two calls. */
  async stop(): Promise<void> {
    const [first] = [...this.#containers].sort(() => Math.random() - 0.5);
    if (first === undefined) return;
    const [address, endpoint] = first;
    await this.#try(() => this.#ipam.unbind(address, endpoint));
    await this.#giveBack(address);
  }

  /** `docker network rm`, when nothing is in it. */
  async leave(): Promise<void> {
    const pool = this.#poolId;
    if (pool === undefined || this.#containers.size > 0) return;
    this.#poolId = undefined;
    await this.#try(() => this.#ipam.releasePool(pool));
  }

  /** The daemon dies after so many transactions more, and is started again. */
  dieSoon(): void {
    this.#life.dieAfter(Math.floor(Math.random() * 3), Math.random() < 0.5 ? 'before' : 'after');
  }

  revive(): void {
    if (!this.#life.dead) return;
    this.#life = new Mortal();
    this.#ipam = this.#begin();
  }

  /** The host is gone for good, with its containers: nobody there has an address any more. */
  burn(): void {
    this.#life.dead = true;
    for (const address of this.#containers.keys()) this.#holders.lets(address, this.name);
    this.#containers = new Map();
    this.#poolId = undefined;
  }

  reclaim(): Promise<unknown> {
    return this.#try(() => this.#ipam.ipam.reclaim.reclaim([this.#docker()]));
  }

  async #giveBack(address: string): Promise<void> {
    const pool = this.#poolId;
    this.#containers.delete(address);
    this.#holders.lets(address, this.name);
    if (pool !== undefined) await this.#try(() => this.#ipam.releaseAddress(pool, address));
  }

  /** What Docker does with an error: nothing. */
  async #try<T>(deed: () => Promise<T>): Promise<T | undefined> {
    try {
      return await deed();
    } catch {
      return undefined;
    }
  }

  #begin(): TestNode {
    const life = this.#life;
    const datastore: Pick<Datastore, 'get' | 'list'> = {
      get: (key) => life.ask(() => this.#datastore.get(key)),
      list: (prefix) => life.ask(() => this.#datastore.list(prefix)),
    };
    const settings = { cooldownMs: 0 };
    const cluster = this.#storeOf(life);
    return aNode({ name: this.name, cluster, blocks: this.#blocks, datastore, clock: this.#clock, settings });
  }

  #storeOf(life: Mortal): ClusterStore {
    const subnets = [{ cidr: parseCidr(this.#subnet) }];
    const mine = new Map([[NETWORK_ID, { value: { network: WEB } }]]);
    const own: Record<string, unknown> = {
      transact: (transaction: Transaction) => life.transact(this.#datastore, transaction),
      networks: new Map([[WEB, { value: { name: WEB, subnets } }]]),
    };
    return new Proxy(this.#view as ClusterStore, {
      get: (view, name: string) => {
        if (name === 'localNetworks') return this.#poolId === undefined ? new Map() : mine;
        if (name in own) return own[name];
        const value: unknown = Reflect.get(view, name, view);
        return typeof value === 'function' ? value.bind(view) : value;
      },
    });
  }

  #docker(): DockerNetwork {
    const endpoints = [...this.#containers.values()].map((id) => [id as EndpointId, { containerName: id }] as const);
    const drivers = { driver: 'corduroy', ipamDriver: 'corduroy', ipamOptions: {}, scope: 'local' };
    const plain = { ...drivers, internal: false, attachable: false, ipv4: true, ipv6: false, options: {}, labels: {} };
    const subnets = this.#poolId === undefined ? [] : [{ cidr: parseCidr(this.#subnet), auxiliary: {} }];
    return { ...plain, id: NETWORK_ID, name: 'web', subnets, endpoints: new Map(endpoints) };
  }
}
