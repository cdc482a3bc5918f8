import { afterAll } from '@jest/globals';
import { PolicyEngine } from '../../policy/engine.js';
import { isFlowDenied } from '../../policy/judge-flow.js';
import { DEFAULT_POLICY_SETTINGS } from '../../policy/settings.js';
import { ClusterRoutes, type RouteDistribution } from '../../routing/cluster-routes.js';
import { KernelDataplane } from '../../routing/dataplane.js';
import { WatchedBlocks } from '../../src/composition/watched-blocks.js';
import type { Clock } from '../../src/effects/clock.js';
import type { ClusterStore } from '../../src/effects/cluster-view.js';
import type { Write } from '../../src/effects/datastore.js';
import type { FirewallSource } from '../../src/effects/firewall-source.js';
import type { Kernel } from '../../src/effects/kernel.js';
import { silentLogger } from '../../src/effects/logger.js';
import type { PacketFilterBackend } from '../../src/effects/packet-filter.js';
import type { TextFile } from '../../src/effects/text-file.js';
import { ClusterCache } from '../../src/infrastructure/cluster-cache.js';
import { openLinuxKernel } from '../../src/infrastructure/linux/linux-kernel.js';
import { systemClock } from '../../src/infrastructure/system-clock.js';
import { parseCidr } from '../../src/model/cidr.js';
import { type Endpoint, EndpointRecord, endpointKey } from '../../src/model/endpoint.js';
import {
  hostInterfaceOf,
  parseDockerNetworkId,
  parseEndpointId,
  parseNetworkName,
  parseNodeName,
  parseProfileName,
  shortHash,
} from '../../src/model/ids.js';
import { type IpAddress, parseIpAddress } from '../../src/model/ip-address.js';
import { macOfEndpoint } from '../../src/model/mac-address.js';
import { NetworkRecord, NodeNetworkRecord, networkKey, nodeNetworkKey } from '../../src/model/network.js';
import { PoolRecord, poolKey } from '../../src/model/pool.js';
import { defaultProfile, type Profile, ProfileRecord, profileKey } from '../../src/model/profile.js';
import { aBlockRecord } from '../builders/blocks.js';
import { InMemoryDatastore } from '../fakes/in-memory-datastore.js';
import { TEST_GATEWAY } from './test-container.js';
import { TestNamespace } from './test-namespace.js';

const NODE = parseNodeName('alpha');
const NETWORK_ID = parseDockerNetworkId('a'.repeat(64));
const MTU = 1450;

export interface LabOptions {
  /** What the data plane takes for the policy engine. */
  readonly source?: (engine: FirewallSource) => FirewallSource;
  /** How programs run and settings are read; absent: as the namespace does it. */
  readonly host?: (namespace: TestNamespace) => Pick<TestNamespace, 'runner' | 'sysctls'>;
  /** What it takes for the kernel. */
  readonly kernel?: (kernel: Kernel) => Kernel;
  readonly clock?: Clock;
  readonly distribution?: RouteDistribution;
}

/** Labs that are not disposed of yet. */
const open = new Set<DataplaneLab>();

// Monitors and helpers of a lab that a failed test left would keep the test process from ending.
afterAll(() => {
  for (const lab of open) lab.stop();
});

/** A node's data plane in a namespace of its own, over the real policy engine and an in-memory datastore. */
export class DataplaneLab {
  readonly namespace: TestNamespace;
  readonly store: ClusterStore;
  readonly formerHostSettings = new RememberedText();
  readonly #backend: PacketFilterBackend;
  readonly #blocks: WatchedBlocks;
  readonly #options: LabOptions;
  #running: { readonly kernel: Kernel; readonly dataplane: KernelDataplane } | undefined;

  private constructor(
    namespace: TestNamespace,
    { store, blocks }: { readonly store: ClusterStore; readonly blocks: WatchedBlocks },
    backend: PacketFilterBackend,
    options: LabOptions,
  ) {
    this.namespace = namespace;
    this.store = store;
    this.#blocks = blocks;
    this.#backend = backend;
    this.#options = options;
  }

  /** With the pool 10.64.0.0/12, the IPv6 pool fd80:c0de::/48, and the network `web`, whose profile lets its members talk. */
  static async create(backend: PacketFilterBackend = 'nft', options: LabOptions = {}): Promise<DataplaneLab> {
    const namespace = await TestNamespace.create('h');
    // The host's own addresses, as an uplink would have them.
    await namespace.ip('addr add 192.0.2.1/32 dev lo');
    await namespace.ip('addr add 2001:db8::1/128 dev lo');
    const datastore = new InMemoryDatastore();
    const store = new ClusterCache({ datastore, node: NODE, log: silentLogger });
    await store.ready();
    const lab = new DataplaneLab(namespace, { store, blocks: new WatchedBlocks({ datastore }) }, backend, options);
    open.add(lab);
    const web = parseNetworkName('web');
    await lab.write([
      ...['10.64.0.0/12', 'fd80:c0de::/48'].map((text) => {
        const cidr = parseCidr(text);
        const pool = {
          cidr,
          name: text.replace('/', '-'),
          blockSize: text.includes(':') ? 122 : 26,
          networkPrefix: text.includes(':') ? 64 : 16,
          encapsulation: { kind: 'none' },
          natOutgoing: false,
          disabled: false,
        } as const;
        return put(poolKey(cidr), PoolRecord.encode(pool));
      }),
      put(
        networkKey(web),
        NetworkRecord.encode({
          name: web,
          subnets: [{ cidr: parseCidr('10.64.0.0/16') }, { cidr: parseCidr('fd80:c0de::/64') }],
          ipam: 'corduroy',
          internal: false,
          options: { profiles: [], publish: 'allow' },
        }),
      ),
      put(
        nodeNetworkKey(NODE, NETWORK_ID),
        NodeNetworkRecord.encode({
          node: NODE,
          dockerNetworkId: NETWORK_ID,
          network: web,
          provisional: false,
          linkLocalGateway: parseIpAddress(TEST_GATEWAY),
        }),
      ),
    ]);
    await lab.putProfile(defaultProfile(parseProfileName('web')));
    return lab;
  }

  get dataplane(): KernelDataplane {
    if (this.#running === undefined) throw new Error('start the data plane first');
    return this.#running.dataplane;
  }

  get kernel(): Kernel {
    if (this.#running === undefined) throw new Error('start the data plane first');
    return this.#running.kernel;
  }

  async start(): Promise<KernelDataplane> {
    const { namespace } = this;
    const { runner, sysctls } = this.#options.host?.(namespace) ?? namespace;
    const real = await openLinuxKernel({
      backend: this.#backend,
      log: silentLogger,
      runner,
      sysctls,
    });
    const kernel = this.#options.kernel?.(real) ?? real;
    const firewall = new PolicyEngine({
      node: NODE,
      settings: { ...DEFAULT_POLICY_SETTINGS, guardTable: kernel.lastTable },
    });
    const dataplane = new KernelDataplane({
      kernel,
      view: this.store,
      firewall: this.#options.source?.(firewall) ?? firewall,
      node: NODE,
      flowJudge: () => {
        const states = { 4: firewall.state(4), 6: firewall.state(6) };
        const owners = new Map(
          [...this.store.endpoints.values()].flatMap(({ value }) =>
            value.addresses.map((address) => [address, hostInterfaceOf(value.id)] as const),
          ),
        );
        const local = {
          hostInterfaceOf: (address: IpAddress) => owners.get(address),
          isHosts: (address: IpAddress) => address === '192.0.2.1' || address === '2001:db8::1',
        };
        return (flow) => isFlowDenied(flow, states[flow.family], local);
      },
      clock: this.#options.clock ?? systemClock,
      log: silentLogger,
      formerHostSettings: this.formerHostSettings,
      clusterRoutes: new ClusterRoutes({
        node: NODE,
        distribution: this.#options.distribution ?? 'none',
        view: this.store,
        blocks: this.#blocks,
      }),
    });
    this.#running = { kernel, dataplane };
    await dataplane.start();
    return dataplane;
  }

  /** As kill -9 would: nothing is cleaned up. */
  stop(): void {
    this.#running?.dataplane.stop();
    this.#running?.kernel.close();
    this.#running = undefined;
  }

  async dispose(): Promise<void> {
    this.stop();
    open.delete(this);
    await this.namespace.dispose();
  }

  async write(writes: readonly Write[]): Promise<void> {
    await this.store.transact({ compares: [], writes });
  }

  /** A block with an affinity to a node, and addresses of it that other nodes hold. */
  async putBlock(cidr: string, node: string, guests: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.write([aBlockRecord(cidr, node, guests)]);
  }

  async removeBlock(cidr: string): Promise<void> {
    await this.write([{ kind: 'delete', key: aBlockRecord(cidr, 'any').key }]);
  }

  putProfile(profile: Profile): Promise<void> {
    return this.write([put(profileKey(profile.name), ProfileRecord.encode(profile))]);
  }

  /** A record of the `number`-th endpoint, with addresses 10.64.0.N and fd80:c0de::N. */
  async putEndpoint(number: number, fields: Partial<Endpoint> = {}): Promise<Endpoint> {
    const endpoint = { ...this.plan(number), ...fields };
    await this.write([put(endpointKey(NODE, endpoint.id), EndpointRecord.encode(endpoint))]);
    return endpoint;
  }

  /** The `number`-th endpoint before its record is stored. */
  plan(number: number): Endpoint {
    const id = parseEndpointId(shortHash(`endpoint ${number}`, 64));
    return {
      id,
      node: NODE,
      dockerNetworkId: NETWORK_ID,
      mac: macOfEndpoint(id),
      addresses: [
        parseIpAddress(`10.64.${number >> 8}.${number & 255}`),
        parseIpAddress(`fd80:c0de::${number.toString(16)}`),
      ],
      tags: [],
      labels: {},
      published: [],
      createdAt: '2026-01-01T00:00:00.000Z',
    };
  }

  removeEndpoint(endpoint: Endpoint): Promise<void> {
    return this.write([{ kind: 'delete', key: endpointKey(NODE, endpoint.id) }]);
  }

  async attach(endpoint: Endpoint): Promise<void> {
    await this.dataplane.attach(endpoint, { mtu: MTU });
  }
}

const put = (key: string, value: string): Write => ({ kind: 'put', key, value });

class RememberedText implements TextFile {
  text: string | undefined;
  read(): Promise<string | undefined> {
    return Promise.resolve(this.text);
  }
  write(text: string): Promise<void> {
    this.text = text;
    return Promise.resolve();
  }
  remove(): Promise<void> {
    this.text = undefined;
    return Promise.resolve();
  }
}
