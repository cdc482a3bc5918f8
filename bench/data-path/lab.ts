import { EtcdCluster } from '../../test/lab/etcd-cluster.js';
import { Lab } from '../../test/lab/lab.js';
import { startServers } from './tools.js';
import {
  handMade,
  hostNetwork,
  ourNetwork,
  type Pair,
  pairOf,
  publishedPort,
  swarmOverlay,
  type Variant,
} from './variants.js';

/** The variant that all are compared with. */
export const LIMIT = 'hand-made veth routing';

/** Hosts with every way between two containers that is measured. Ours first. */
export interface DataPathLab {
  readonly variants: readonly Variant[];
  /** The limit measured a second time: how far two measurements of one thing lie apart. */
  readonly control: Variant;
  down(): Promise<void>;
}

/** Three pairs of hosts on one wire, so that no variant's rules are in another's way. */
export async function dataPathLab(): Promise<DataPathLab> {
  const lab = await Lab.up({ hosts: 6 });
  let etcd: EtcdCluster | undefined;
  const down = async () => {
    await lab.down();
    await etcd?.destroy();
  };
  try {
    const [ours, plain, swarm] = [pairOf(lab.hosts, 0), pairOf(lab.hosts, 2), pairOf(lab.hosts, 4)];
    etcd = await EtcdCluster.start(lab.outside);
    for (const host of [ours.client, ours.server]) {
      await host.startCorduroy({ arguments: [...etcd.daemonFlags, '--route-distribution', 'bgp'] });
    }
    const limit = await handMade(plain, { name: LIMIT, network: await internalNetwork(plain), octet: 120 });
    const variants = [
      await corduroy(ours, 'bgp', '10.110.0.0/16', 'none'),
      limit,
      await handMade(plain, { name: `${LIMIT}, no name server`, network: 'none', octet: 121 }),
      hostNetwork(plain),
      await corduroy(ours, 'vxlan', '10.111.0.0/16', 'vxlan'),
      await swarmOverlay(swarm),
      await publishedPort(swarm),
    ];
    for (const variant of variants) await startServers(variant);
    return { variants, control: { ...limit, name: `${limit.name}, once more` }, down };
  } catch (error) {
    await down();
    throw error;
  }
}

/** On both hosts: of no use but that Docker gives its containers what it gives them on every network but its own three. */
async function internalNetwork({ client, server }: Pair): Promise<string> {
  for (const host of [client, server]) await host.docker('network', 'create', '--internal', 'beside');
  return 'beside';
}

/** A network in a pool of its own, which says how packets travel between the hosts. */
async function corduroy(pair: Pair, name: string, cidr: string, encapsulation: 'none' | 'vxlan'): Promise<Variant> {
  await pair.client.cord('pool', 'add', cidr, '--encap', encapsulation);
  await pair.client.docker('network', 'create', '-d', 'corduroy', '--ipam-driver', 'corduroy', '--subnet', cidr, name);
  // our daemon there makes it too
  const isThere = async () => (await pair.server.tryDocker('network', 'inspect', name)).exitCode === 0;
  while (!(await isThere())) await new Promise((resolve) => setTimeout(resolve, 100));
  return ourNetwork(pair, name, `corduroy, ${name}`);
}
