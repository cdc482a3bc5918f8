import { hostAddress } from '../../test/lab/address-plan.js';
import type { LabHost } from '../../test/lab/host.js';
import { TEST_IMAGE } from '../../test/lab/test-image.js';

/** A command of the measurement, as it runs in a network: a container's, or a host's own. */
export interface Place {
  readonly host: LabHost;
  /** The command on the host that runs `words` in this network. */
  inside(words: readonly string[]): readonly string[];
}

/** One way for packets from a client on one host to a server on another. */
export interface Variant {
  readonly name: string;
  readonly server: Place;
  readonly client: Place;
  /** Where the client finds the server. */
  readonly address: string;
}

/** Two hosts on one wire, the client's and the server's, with the second's address on it. */
export interface Pair {
  readonly client: LabHost;
  readonly server: LabHost;
  readonly clientAddress: string;
  readonly serverAddress: string;
}

/** @param first place of the first of the two among the lab's hosts */
export function pairOf(hosts: readonly LabHost[], first: number): Pair {
  const [client, server] = [hosts[first], hosts[first + 1]];
  if (client === undefined || server === undefined) throw new Error(`the lab has no hosts ${first} and ${first + 1}`);
  return { client, server, clientAddress: hostAddress(first), serverAddress: hostAddress(first + 1) };
}

/** Ports that qperf and iperf3 listen on, and qperf's data port. */
export const PORTS = { qperf: 19765, qperfData: 19766, iperf: 5201 } as const;

const onHost = (host: LabHost): Place => ({ host, inside: (words) => words });

async function inContainer(host: LabHost, name: string, ...flags: readonly string[]): Promise<Place> {
  await host.docker('run', '-d', '--name', name, ...flags, TEST_IMAGE);
  const pid = await host.docker('inspect', '-f', '{{.State.Pid}}', name);
  return { host, inside: (words) => ['nsenter', '-t', pid, '-n', '--', ...words] };
}

const addressOf = (host: LabHost, container: string, network: string): Promise<string> =>
  host.docker('inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, container);

/** No namespace between: what the machine and the wire can do. */
export const hostNetwork = ({ client, server, serverAddress }: Pair): Variant => ({
  name: 'host network',
  client: onHost(client),
  server: onHost(server),
  address: serverAddress,
});

/**
 * A veth each, a route on each host, one rule that lets the addresses pass Docker's own; no policy at all.
 *
 * `network` is what Docker gives the container beside it: with `none` nothing at all, with a network of one's own the name
 * server in the container, whose rules make the container's kernel follow connections too. `octet` is the second of its
 * addresses.
 */
export async function handMade(
  pair: Pair,
  { name, network, octet }: { readonly name: string; readonly network: string; readonly octet: number },
): Promise<Variant> {
  const prefix = `10.${octet}`;
  const link = `hand${octet}`;
  const wire = async (host: LabHost, subnet: number, peerSubnet: number, via: string): Promise<Place> => {
    const place = await inContainer(host, link, '--net', network);
    const address = `${prefix}.${subnet}.2`;
    const pid = await host.docker('inspect', '-f', '{{.State.Pid}}', link);
    const inner = (...words: readonly string[]) => host.run(...place.inside(['ip', ...words]));
    await host.run('ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'made', 'netns', pid);
    await host.run('sysctl', '-qw', `net.ipv4.conf.${link}.proxy_arp=1`);
    await host.run('ip', 'link', 'set', link, 'up');
    await inner('address', 'add', `${address}/32`, 'dev', 'made');
    await inner('link', 'set', 'made', 'up');
    await inner('route', 'add', '169.254.1.1', 'dev', 'made');
    await inner('route', 'replace', 'default', 'via', '169.254.1.1');
    await host.run('ip', 'route', 'add', `${address}/32`, 'dev', link);
    await host.run('ip', 'route', 'add', `${prefix}.${peerSubnet}.0/24`, 'via', via);
    await host.run('iptables', '-A', 'FORWARD', '-s', `${prefix}.0.0/16`, '-j', 'ACCEPT');
    return place;
  };
  return {
    name,
    client: await wire(pair.client, 1, 2, pair.serverAddress),
    server: await wire(pair.server, 2, 1, pair.clientAddress),
    address: `${prefix}.2.2`,
  };
}

/** Docker's own bridges, the server's ports published, the client behind its host's address. */
export async function publishedPort({ client, server, serverAddress }: Pair): Promise<Variant> {
  const published = Object.values(PORTS).flatMap((port) => ['-p', `${port}:${port}`]);
  return {
    name: 'bridge, published port',
    client: await inContainer(client, 'bridged'),
    server: await inContainer(server, 'bridged', ...published),
    address: serverAddress,
  };
}

/** Docker's VXLAN between the two engines. */
export async function swarmOverlay({ client, server, clientAddress }: Pair): Promise<Variant> {
  await client.docker('swarm', 'init', '--advertise-addr', clientAddress);
  const token = await client.docker('swarm', 'join-token', '-q', 'worker');
  await server.docker('swarm', 'join', '--token', token, `${clientAddress}:2377`);
  await client.docker('network', 'create', '-d', 'overlay', '--attachable', 'over');
  return {
    name: 'Swarm overlay',
    client: await inContainer(client, 'over-client', '--net', 'over'),
    server: await inContainer(server, 'over-server', '--net', 'over'),
    address: await addressOf(server, 'over-server', 'over'),
  };
}

/** A network of ours that is on both hosts already. */
export async function ourNetwork({ client, server }: Pair, network: string, name: string): Promise<Variant> {
  return {
    name,
    client: await inContainer(client, `${network}-client`, '--net', network),
    server: await inContainer(server, `${network}-server`, '--net', network),
    address: await addressOf(server, `${network}-server`, network),
  };
}
