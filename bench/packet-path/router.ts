import { fileURLToPath } from 'node:url';
import type { Endpoint } from '../../src/model/endpoint.js';
import { containerInterfaceOf, hostInterfaceOf } from '../../src/model/ids.js';
import { hostSideMacOf } from '../../src/model/mac-address.js';
import { LabHost } from '../../test/lab/host.js';
import type { Layout } from './layouts.js';

const TRAFFIC = fileURLToPath(new URL('../../../bench/packet-path/traffic.pl', import.meta.url));
const PORT = '7000';

/** What is measured; `traffic.pl` says what each is. */
export type Traffic = 'established' | 'new' | 'connect';

/** A host whose two real endpoints, a client and a server, stand in the middle of many that exist in the rules alone. */
export class Router {
  readonly #host: LabHost;
  readonly #server: string;

  private constructor(host: LabHost, server: string) {
    this.#host = host;
    this.#server = server;
  }

  static async up(layout: Layout, endpoints: readonly Endpoint[]): Promise<Router> {
    const host = await LabHost.up('router');
    try {
      // Sorted by interface, as chains compare them: what lies before the two is the mean of all.
      const sorted = [...endpoints].sort((a, b) => (a.id < b.id ? -1 : 1));
      const middle = Math.floor(sorted.length / 2);
      const [client, server] = [sorted[middle - 1], sorted[middle]];
      if (client === undefined || server === undefined) throw new Error('at least two endpoints are needed');
      await plug(host, 'client', client);
      await plug(host, 'server', server);
      for (const { command, text } of layout.load(endpoints)) {
        const { exitCode, stderr } = await host.try(command, text);
        if (exitCode !== 0) throw new Error(`${layout.name}: ${command.join(' ')}: ${stderr}`);
      }
      await host.startBeside(['ip', 'netns', 'exec', 'server', 'perl', TRAFFIC, 'serve', PORT]);
      return new Router(host, addressOf(server));
    } catch (error) {
      await host.down();
      throw error;
    }
  }

  /** Nanoseconds of processor time for each packet or connection. */
  async measure(traffic: Traffic, count: number): Promise<number> {
    const sender = ['perl', TRAFFIC, traffic, this.#server, PORT, `${count}`];
    return Number(
      await this.#host.run('ip', 'netns', 'exec', 'client', 'timeout', '60', 'taskset', '-c', '1', ...sender),
    );
  }

  down(): Promise<void> {
    return this.#host.down();
  }
}

/** As the data plane does it. */
async function plug(host: LabHost, namespace: string, endpoint: Endpoint): Promise<void> {
  const [outer, inner] = [hostInterfaceOf(endpoint.id), containerInterfaceOf(endpoint.id)];
  const address = addressOf(endpoint);
  const gatewayMac = hostSideMacOf(endpoint.dockerNetworkId);
  const script = `
    set -e
    ip netns add ${namespace}
    ip link add ${outer} address ${gatewayMac} type veth peer name ${inner} address ${endpoint.mac}
    sysctl -qw net.ipv4.conf.${outer}.rp_filter=1
    ip link set ${outer} up
    ip link set ${inner} netns ${namespace} name eth0
    ip -n ${namespace} link set lo up
    ip -n ${namespace} address add ${address}/32 dev eth0
    ip -n ${namespace} link set eth0 up
    ip -n ${namespace} route add 169.254.1.1 dev eth0
    ip -n ${namespace} neigh replace 169.254.1.1 lladdr ${gatewayMac} dev eth0 nud permanent
    ip -n ${namespace} route add default via 169.254.1.1
    ip neigh replace ${address} lladdr ${endpoint.mac} dev ${outer} nud permanent
    ip route replace ${address}/32 dev ${outer} scope link`;
  await host.run('sh', '-c', script);
}

function addressOf({ addresses: [address] }: Endpoint): string {
  if (address === undefined) throw new Error('an endpoint has no address');
  return address;
}
