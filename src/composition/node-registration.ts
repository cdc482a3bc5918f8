import { networkInterfaces } from 'node:os';
import { isOurHostEnd } from '../../routing/ownership.js';
import type { CorduroyConfig } from '../config/corduroy-config.js';
import type { Clock } from '../effects/clock.js';
import type { ClusterStore } from '../effects/cluster-view.js';
import type { CommandRunner } from '../effects/command-runner.js';
import { type IpAddress, type IpFamily, ipAddressOrUndefined } from '../model/ip-address.js';
import { type Node, NodeRecord, nodeKey } from '../model/node.js';
import { isOurTunnel } from '../model/tunnel.js';
import { detectAddress, type HostAddress } from './node-address.js';
import { VERSION } from './version.js';

/** This host as others should know it. */
export async function describeNode(config: CorduroyConfig, runner: CommandRunner, startedAt: Date): Promise<Node> {
  return {
    name: config.nodeName,
    ...(await nodeAddresses(config, runner)),
    asNumber: config.asNumber,
    labels: {},
    version: VERSION,
    startedAt: startedAt.toISOString(),
  };
}

/** By settings or by detection. Those that cannot be found are left out: one host alone needs none. */
export async function nodeAddresses(config: CorduroyConfig, runner: CommandRunner): Promise<Pick<Node, 'ip' | 'ip6'>> {
  const [ip, ip6] = await Promise.all([
    config.nodeIp ?? detected(config, 4, runner),
    config.nodeIp6 ?? detected(config, 6, runner),
  ]);
  return { ip, ip6 };
}

export interface Registration {
  readonly store: ClusterStore;
  /** The AS number is nobody's choice: one that was given by command stays. */
  readonly keepsAsNumber: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Writes the node's record, keeping what people gave it by command; tries again until the datastore takes it. */
export async function registerNode(node: Node, { store, keepsAsNumber, clock, signal }: Registration): Promise<void> {
  while (!signal.aborted) {
    // What a user wrote there cannot be read, and would be lost: the next start after it is put right registers the node.
    if (store.problems.some(({ key }) => key === nodeKey(node.name))) return;
    const existing = store.nodes.get(node.name);
    const value = NodeRecord.encode({
      ...node,
      tunnelIp: existing?.value.tunnelIp,
      tunnelIp6: existing?.value.tunnelIp6,
      labels: existing?.value.labels ?? {},
      routeReflectorClusterId: existing?.value.routeReflectorClusterId,
      asNumber: keepsAsNumber ? (existing?.value.asNumber ?? node.asNumber) : node.asNumber,
    });
    const compares = existing === undefined ? [] : [{ key: nodeKey(node.name), revision: existing.revision }];
    const outcome = await store
      .transact({ compares, writes: [{ kind: 'put', key: nodeKey(node.name), value }] })
      .catch(() => undefined);
    if (outcome?.kind === 'committed') return;
    await clock.sleep(RETRY_MS, signal);
  }
}

const RETRY_MS = 1_000;

async function detected(
  config: CorduroyConfig,
  family: IpFamily,
  runner: CommandRunner,
): Promise<IpAddress | undefined> {
  const detection = config.nodeIpDetect;
  const source = detection.kind === 'can-reach' ? await sourceTowards(detection.address, runner) : undefined;
  const addresses = hostAddresses();
  // Towards a container elsewhere the kernel takes a tunnel's.
  const own = addresses.some(({ address }) => address === source) ? source : undefined;
  return detectAddress({ detection, family, addresses, sourceTowards: () => own });
}

/** But for those of our own links, which come and go with records and containers, and tell nothing of the host. */
export function hostAddresses(): readonly HostAddress[] {
  return Object.entries(networkInterfaces())
    .filter(([interfaceName]) => !isOurHostEnd(interfaceName) && !isOurTunnel(interfaceName))
    .flatMap(([interfaceName, addresses]) =>
      (addresses ?? []).flatMap(({ address }) => {
        const parsed = ipAddressOrUndefined(address);
        return parsed === undefined ? [] : [{ interfaceName, address: parsed }];
      }),
    );
}

async function sourceTowards(destination: IpAddress, runner: CommandRunner): Promise<IpAddress | undefined> {
  const { stdout } = await runner.run('ip', ['route', 'get', destination]);
  return ipAddressOrUndefined(/\bsrc (\S+)/.exec(stdout)?.[1] ?? '');
}
