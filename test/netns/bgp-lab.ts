import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BgpSpeaker } from '../../routing/bgp/bgp-speaker.js';
import { OwnBlocks } from '../../src/composition/own-blocks.js';
import { WatchedBlocks } from '../../src/composition/watched-blocks.js';
import type { BgpSessionStatus, BgpStatus } from '../../src/effects/bgp-status.js';
import type { Write } from '../../src/effects/datastore.js';
import { silentLogger } from '../../src/effects/logger.js';
import { BirdDaemon } from '../../src/infrastructure/bird/bird-daemon.js';
import { ClusterCache } from '../../src/infrastructure/cluster-cache.js';
import { type BgpPeer, BgpPeerRecord, bgpPeerKey } from '../../src/model/bgp-peer.js';
import {
  BGP_SETTINGS_KEY,
  type BgpSettings,
  BgpSettingsRecord,
  DEFAULT_BGP_SETTINGS,
} from '../../src/model/bgp-settings.js';
import { BlockRecord, blockKey } from '../../src/model/block.js';
import { type Cidr, firstAddress, networkOf, parseCidr } from '../../src/model/cidr.js';
import { parseNodeName } from '../../src/model/ids.js';
import { familyOf, parseIpAddress } from '../../src/model/ip-address.js';
import { type Node, NodeRecord, nodeKey } from '../../src/model/node.js';
import { type Pool, PoolRecord, poolKey } from '../../src/model/pool.js';
import { InMemoryDatastore } from '../fakes/in-memory-datastore.js';
import { TestNamespace } from './test-namespace.js';

/** Longest time that BGP may need for anything here, in ms: connecting may have to be tried again. */
const LIMIT_MS = 15_000;

export const POOL4 = parseCidr('10.64.0.0/12');
export const POOL6 = parseCidr('fd80:c0de::/48');

/** Network namespaces on one wire, each a node with a BIRD of its own that is cared for as in the daemon. */
export class BgpLab {
  readonly datastore = new InMemoryDatastore();
  readonly directory: string;
  readonly #wire: TestNamespace;
  readonly #members: BgpHost[] = [];
  #count = 0;

  private constructor(directory: string, wire: TestNamespace) {
    this.directory = directory;
    this.#wire = wire;
  }

  static async up(): Promise<BgpLab> {
    const wire = await TestNamespace.create('wire');
    await wire.ip('link add wire type bridge forward_delay 0');
    await wire.ip('address add 10.99.0.1/24 dev wire');
    await wire.ip('address add fd99::1/64 dev wire nodad');
    await wire.ip('link set wire up');
    const lab = new BgpLab(await mkdtemp(join(tmpdir(), 'cord-bgp-')), wire);
    await lab.pool(POOL4);
    await lab.pool(POOL6);
    return lab;
  }

  async down(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.dispose()));
    await this.#wire.dispose();
    await rm(this.directory, { recursive: true });
  }

  async write(...writes: readonly Write[]): Promise<void> {
    await this.datastore.transact({ compares: [], writes });
  }

  settings(changes: Partial<BgpSettings>): Promise<void> {
    const value = BgpSettingsRecord.encode({ ...DEFAULT_BGP_SETTINGS, ...changes });
    return this.write({ kind: 'put', key: BGP_SETTINGS_KEY, value });
  }

  peer(peer: BgpPeer): Promise<void> {
    return this.write({ kind: 'put', key: bgpPeerKey(peer), value: BgpPeerRecord.encode(peer) });
  }

  removePeer(peer: BgpPeer): Promise<void> {
    return this.write({ kind: 'delete', key: bgpPeerKey(peer) });
  }

  pool(cidr: Cidr, changes: Partial<Pool> = {}): Promise<void> {
    const [blockSize, networkPrefix] = familyOf(cidr) === 4 ? [26, 24] : [122, 64];
    const plain = { natOutgoing: true, disabled: false, encapsulation: { kind: 'none' } } as const;
    const pool: Pool = { cidr, name: firstAddress(cidr), blockSize, networkPrefix, ...plain, ...changes };
    return this.write({ kind: 'put', key: poolKey(cidr), value: PoolRecord.encode(pool) });
  }

  /** A namespace on the wire with the addresses 10.99.0.N and fd99::N. */
  async host(name: string): Promise<BgpHost> {
    const n = 11 + this.#count++;
    const namespace = await TestNamespace.create(name);
    await namespace.ip(`link add eth0 type veth peer name port${n} netns ${this.#wire.name}`);
    await this.#wire.ip(`link set port${n} master wire up`);
    await namespace.ip(`address add 10.99.0.${n}/24 dev eth0`);
    await namespace.ip(`address add fd99::${n}/64 dev eth0 nodad`);
    await namespace.ip('link set eth0 up');
    await namespace.ip('route add default via 10.99.0.1');
    const host = new BgpHost(this, name, namespace, n);
    this.#members.push(host);
    return host;
  }

  /** A host whose node record is written and whose BIRD runs. */
  async node(name: string, changes: Partial<Node> = {}): Promise<BgpHost> {
    const host = await this.host(name);
    await host.register(changes);
    await host.start();
    return host;
  }
}

export class BgpHost {
  readonly name: string;
  readonly namespace: TestNamespace;
  readonly ip: string;
  readonly ip6: string;
  readonly directory: string;
  readonly #lab: BgpLab;
  #stop: (() => Promise<void>) | undefined;
  #speaker: BgpSpeaker | undefined;
  #links = 0;

  constructor(lab: BgpLab, name: string, namespace: TestNamespace, n: number) {
    this.#lab = lab;
    this.name = name;
    this.namespace = namespace;
    this.ip = `10.99.0.${n}`;
    this.ip6 = `fd99::${n}`;
    this.directory = join(lab.directory, name);
  }

  get daemon(): BirdDaemon {
    const { directory, namespace } = this;
    return new BirdDaemon({ directory, runner: namespace.runner, families: [4, 6], log: silentLogger });
  }

  register(changes: Partial<Node> = {}): Promise<void> {
    const name = parseNodeName(this.name);
    const addresses = { ip: parseIpAddress(this.ip), ip6: parseIpAddress(this.ip6) };
    const node: Node = { name, ...addresses, labels: {}, version: '1', startedAt: '', ...changes };
    return this.#lab.write({ kind: 'put', key: nodeKey(name), value: NodeRecord.encode(node) });
  }

  /** As the daemon does it when it starts; what runs is found and taken over. */
  async start(): Promise<void> {
    const { datastore } = this.#lab;
    const node = parseNodeName(this.name);
    const view = new ClusterCache({ datastore, node, log: silentLogger });
    const blocks = new WatchedBlocks({ datastore });
    const ownBlocks = new OwnBlocks({ blocks, node });
    const { daemon } = this;
    const { logFile } = daemon;
    const families = [4, 6] as const;
    const speaker = new BgpSpeaker({ view, node, ownBlocks, daemon, families, logFile, log: silentLogger });
    this.#speaker = speaker;
    this.#stop = async () => {
      await speaker.stop();
      await Promise.all([view.close(), blocks.close()]);
    };
    await speaker.start();
  }

  /** As when the daemon ends: BIRD goes on. */
  async stop(): Promise<void> {
    await this.#stop?.();
    this.#stop = undefined;
  }

  async dispose(): Promise<void> {
    await this.stop();
    await this.daemon.retire();
    await this.namespace.dispose();
  }

  /** The record of the block, and the route into nothing that the data plane makes for it. */
  async claim(text: string): Promise<void> {
    const cidr = parseCidr(text);
    const subnet = networkOf(firstAddress(cidr), familyOf(cidr) === 4 ? 24 : 64);
    const node = parseNodeName(this.name);
    const value = BlockRecord.encode({ cidr, subnet, node, cooling: [], allocations: new Map() });
    await this.#lab.write({ kind: 'put', key: blockKey(subnet, cidr), value });
    await this.namespace.ip(`route add blackhole ${cidr} proto 80`);
  }

  /** The data plane's route to an endpoint of this node. */
  async attach(address: string): Promise<void> {
    const link = `cord${(++this.#links).toString(16).padStart(11, '0')}`;
    await this.namespace.ip(`link add ${link} type veth peer name ctmp${this.#links}`);
    await this.namespace.ip(`link set ${link} up`);
    await this.namespace.ip(`route add ${address} dev ${link} proto 80`);
  }

  status(): Promise<BgpStatus> {
    if (this.#speaker === undefined) throw new Error('it was not started');
    return this.#speaker.status();
  }

  async session(address: string): Promise<BgpSessionStatus | undefined> {
    return (await this.status()).sessions.find((session) => session.address === address);
  }

  async established(...addresses: readonly string[]): Promise<void> {
    await until(
      () => this.status(),
      ({ sessions }) =>
        addresses.every((wanted) => sessions.some((s) => s.address === wanted && s.state === 'established')),
    );
  }

  /** What BIRD wrote into the kernel, sorted: `10.64.0.0/26 via 10.99.0.11`. */
  async learned(family: 4 | 6 = 4): Promise<readonly string[]> {
    const text = await this.namespace.ip(`-${family} route show table main proto bird`);
    const lines = text.split('\n').filter((line) => line !== '');
    // For a while, those of a former BIRD stand beside those of the present one.
    return [...new Set(lines.map((line) => line.replace(/^(\S+ )?(\S+) via (\S+) .*$/, '$1$2 via $3')))].sort();
  }

  async learns(routes: readonly string[], family: 4 | 6 = 4): Promise<void> {
    const wanted = JSON.stringify([...routes].sort());
    await until(
      () => this.learned(family),
      (found) => JSON.stringify(found) === wanted,
    );
  }

  async pid(): Promise<number> {
    return Number(await readFile(join(this.directory, 'bird.pid'), 'utf8'));
  }

  /** Kills its BIRD as a crash does, and waits until it is gone. */
  async killBird(): Promise<void> {
    const pid = await this.pid();
    process.kill(pid, 'SIGKILL');
    await until(
      async () => isAlive(pid),
      (alive) => !alive,
    );
  }

  /** Asks its BIRD, as a person would. */
  async birdc(...words: readonly string[]): Promise<string> {
    const { stdout } = await this.namespace.runner.run('birdc', ['-s', join(this.directory, 'bird.ctl'), ...words]);
    return stdout;
  }
}

/** One that has ended and waits for its parent has no command line any more. */
export function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== '';
  } catch {
    return false;
  }
}

/** A router with a BIRD that is configured by hand: a switch on the rack, or somebody malicious. */
export class Router {
  readonly host: BgpHost;

  private constructor(host: BgpHost) {
    this.host = host;
  }

  /** @param protocols what follows `protocol device`, in BIRD's language */
  static async start(host: BgpHost, protocols: string): Promise<Router> {
    const router = new Router(host);
    await host.daemon.run(() => router.#configuration(protocols), 'live');
    return router;
  }

  async configure(protocols: string): Promise<void> {
    await this.host.daemon.run(() => this.#configuration(protocols), 'live');
  }

  #configuration(protocols: string): string {
    return `router id ${this.host.ip}; log "${join(this.host.directory, 'bird.log')}" all; timeformat protocol "%s";
      protocol device { } protocol direct { ipv4; ipv6; } ${protocols}`;
  }

  routes(...words: readonly string[]): Promise<string> {
    return this.host.birdc('show', 'route', ...words);
  }
}

/** Asks until it is so; then fails with what it was told last. */
export async function until<T>(ask: () => Promise<T>, isSo: (value: T) => boolean): Promise<T> {
  for (const deadline = Date.now() + LIMIT_MS; ; await sleep(20)) {
    const value = await ask();
    if (isSo(value)) return value;
    if (Date.now() > deadline) throw new Error(`still so after ${LIMIT_MS} ms: ${JSON.stringify(value)}`);
  }
}
