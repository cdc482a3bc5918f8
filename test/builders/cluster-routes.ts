import { ClusterRoutes, type RouteDistribution } from '../../routing/cluster-routes.js';
import { WatchedBlocks } from '../../src/composition/watched-blocks.js';
import { silentLogger } from '../../src/effects/logger.js';
import { ClusterCache } from '../../src/infrastructure/cluster-cache.js';
import { networkOf, parseCidr, parseInterfaceAddress } from '../../src/model/cidr.js';
import type { HostNetwork } from '../../src/model/host-network.js';
import { type InterfaceName, parseNodeName } from '../../src/model/ids.js';
import { type IpAddress, parseIpAddress } from '../../src/model/ip-address.js';
import { NodeRecord, nodeKey } from '../../src/model/node.js';
import { type Encapsulation, PoolRecord, poolKey } from '../../src/model/pool.js';
import { InMemoryDatastore } from '../fakes/in-memory-datastore.js';
import { aBlockRecord } from './blocks.js';

/** The node `here` (10.99.1.11 and fd99:1::11 on eth0) among records that a test writes, and the routes it wants. */
export class RoutesUnderTest {
  readonly datastore = new InMemoryDatastore();
  readonly routes: ClusterRoutes;
  readonly told: string[] = [];
  readonly #view = new ClusterCache({ datastore: this.datastore, node: parseNodeName('here'), log: silentLogger });
  readonly #blocks = new WatchedBlocks({ datastore: this.datastore });

  constructor(distribution: RouteDistribution = 'direct') {
    this.routes = new ClusterRoutes({
      node: parseNodeName('here'),
      distribution,
      view: this.#view,
      blocks: this.#blocks,
    });
    this.routes.subscribe(({ destinations }) => this.told.push(...destinations));
  }

  async start(): Promise<void> {
    await this.#view.ready();
    await this.routes.start();
    this.routes.moved([hostNetwork('eth0', '10.99.1.11/24'), hostNetwork('eth0', 'fd99:1::11/64')]);
  }

  async close(): Promise<void> {
    this.routes.close();
    await Promise.all([this.#view.close(), this.#blocks.close()]);
  }

  async node(name: string, ip?: string, ip6?: string, tunnelIps: readonly string[] = []): Promise<void> {
    const [tunnelIp, tunnelIp6] = tunnelIps.map(parseIpAddress);
    const node = {
      tunnelIp,
      tunnelIp6,
      name: parseNodeName(name),
      ...(ip === undefined ? {} : { ip: parseIpAddress(ip) }),
      ...(ip6 === undefined ? {} : { ip6: parseIpAddress(ip6) }),
      labels: {},
      version: '1',
      startedAt: '2026-01-01T00:00:00.000Z',
    };
    this.datastore.put(nodeKey(node.name), NodeRecord.encode(node));
    await settle();
  }

  async pool(text: string, encapsulation: Encapsulation = { kind: 'none' }): Promise<void> {
    const cidr = parseCidr(text);
    const [name, six] = [text.replace('/', '-'), text.includes(':')];
    const sizes = { blockSize: six ? 122 : 26, networkPrefix: six ? 64 : 24 };
    const pool = { cidr, name, ...sizes, encapsulation, natOutgoing: false, disabled: false };
    this.datastore.put(poolKey(cidr), PoolRecord.encode(pool));
    await settle();
  }

  async block(cidr: string, node: string, guests: Readonly<Record<string, string>> = {}): Promise<void> {
    this.datastore.write(aBlockRecord(cidr, node, guests));
    await settle();
  }

  async remove(key: string): Promise<void> {
    this.datastore.write({ kind: 'delete', key });
    await settle();
  }

  /** `10.64.1.0/26 via 10.99.1.12 eth0`, sorted. */
  wanted(): readonly string[] {
    return [...this.routes.routes()]
      .map((route) => {
        const where = route.kind === 'via' ? ` ${route.gateway} ${route.interfaceName}${from(route.source)}` : '';
        return `${route.destination} ${route.kind}${where}`;
      })
      .sort((a, b) => (a < b ? -1 : 1));
  }

  tunnels() {
    const { devices, addresses, forwardings, neighbours } = this.routes.tunnels();
    return {
      ...(addresses.length === 0
        ? {}
        : { addresses: addresses.map(({ address, interfaceName }) => `${address} on ${interfaceName}`) }),
      devices: devices.map(({ name, local, mtu }) => `${name} ${local} mtu ${mtu}`),
      forwardings: forwardings.map(({ mac, remote, interfaceName }) => `${mac} to ${remote} on ${interfaceName}`),
      neighbours: neighbours.map(({ address, mac }) => `${address} at ${mac}`),
    };
  }

  problems(): readonly string[] {
    return this.routes.problems().map(({ subject, message }) => `${subject}: ${message}`);
  }
}

export function hostNetwork(interfaceName: string, text: string): HostNetwork {
  const { address, length } = parseInterfaceAddress(text);
  return { interfaceName: interfaceName as InterfaceName, mtu: 1500, address, network: networkOf(address, length) };
}

const from = (source: IpAddress | undefined): string => (source === undefined ? '' : ` src ${source}`);

/** Watches tell within microtasks. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
