import type { Command } from 'commander';
import { examples } from '../help-text.js';
import { another, anotherPair } from '../option-values.js';
import type { Column } from '../table.js';
import type { Terminal } from '../terminal.js';

interface Network {
  readonly name: string;
  readonly subnets: readonly { readonly cidr: string; readonly gateway: string | null }[];
  readonly ipam: string;
  readonly internal: boolean;
  readonly profiles: readonly string[];
  readonly mtu: number | null;
  readonly natOutgoing: boolean | null;
  readonly publish: string;
  readonly dockerNetworkId: string | null;
  readonly nodes: readonly string[];
  readonly swarm: boolean;
  readonly preparedNodes: readonly string[];
  readonly removedOn: string | null;
  readonly endpoints: number;
}

const columns: readonly Column<Network>[] = [
  { header: 'NAME', value: ({ name }) => name },
  { header: 'SUBNETS', value: ({ subnets }) => subnets.map(({ cidr }) => cidr) },
  { header: 'PROFILES', value: ({ profiles }) => profiles },
  { header: 'NODES', value: ({ nodes, removedOn }) => (removedOn === null ? nodes : [...nodes, '(being removed)']) },
  { header: 'ENDPOINTS', value: ({ endpoints }) => endpoints },
  { header: 'DOCKER-ID', value: ({ dockerNetworkId }) => dockerNetworkId?.slice(0, 12) },
  { header: 'PREPARED', wide: true, value: ({ swarm, preparedNodes }) => (swarm ? preparedNodes : 'not in Swarm') },
  { header: 'INTERNAL', wide: true, value: ({ internal }) => internal },
  { header: 'IPAM', wide: true, value: ({ ipam }) => ipam },
  { header: 'MTU', wide: true, value: ({ mtu }) => mtu ?? 'as the host' },
  { header: 'NAT-OUTGOING', wide: true, value: ({ natOutgoing }) => natOutgoing ?? 'as the pool' },
  { header: 'PUBLISH', wide: true, value: ({ publish }) => publish },
];

const url = (name: string): string => `/networks/${encodeURIComponent(name)}`;

interface Asked {
  readonly subnet?: readonly string[];
  readonly gateway?: readonly string[];
  readonly ipRange?: readonly string[];
  readonly auxAddress?: Readonly<Record<string, string>>;
  readonly opt?: Readonly<Record<string, string>>;
  readonly ipamOpt?: Readonly<Record<string, string>>;
  readonly label?: Readonly<Record<string, string>>;
  readonly ipv6?: true;
  readonly internal?: true;
  readonly attachable?: true;
  readonly swarm?: true;
}

const bodyOf = (name: string, asked: Asked): object => {
  const { subnet: subnets, gateway: gateways, ipRange: ranges, auxAddress: auxiliary, ...rest } = asked;
  const { opt: options, ipamOpt: ipamOptions, label: labels, ...flags } = rest;
  return { name, subnets, gateways, ranges, auxiliary, options, ipamOptions, labels, ...flags };
};

/** `corduroy network ...`: what Docker's own commands do, with the drivers filled in and the names awaited. */
export function defineNetwork(network: Command, terminal: Terminal): void {
  examples(
    network
      .command('create <name>')
      .description('make a network, as "docker network create -d corduroy --ipam-driver corduroy" does, on every host')
      .option('--subnet <cidr>', 'its subnet; without one, it is carved from a pool; one for each IP version', another)
      .option('--gateway <address>', 'what Docker keeps as the gateway of a subnet', another)
      .option('--ip-range <cidr>', "where containers' addresses are chosen in a subnet", another)
      .option('--aux-address <name=address>', 'an address that no container gets', anotherPair)
      .option('--ipv6', 'IPv6 addresses as well')
      .option('--internal', 'no way to or from the outside')
      .option('--attachable', 'containers may be attached by hand')
      .option('--swarm', "in Swarm, for services: run it on a manager; every host is prepared for the network's tasks")
      .option('--opt <key=value>', 'or -o: profiles, mtu, nat-outgoing, publish', anotherPair)
      .option('--ipam-opt <key=value>', 'pool: the pool that its subnet is carved from', anotherPair)
      .option('--label <key=value>', "a label of Docker's", anotherPair)
      .action(async (name: string, asked: Asked) =>
        terminal.changed(await terminal.client.call('POST', '/networks', bodyOf(name, asked))),
      ),
    [
      'corduroy network create web',
      'corduroy network create db --subnet 10.65.0.0/24 --internal -o profiles=db',
      'corduroy network create both --ipv6 --label team=blue',
      'corduroy network create shop --swarm --attachable',
    ],
  );
  examples(
    network
      .command('remove <network...>')
      .description('remove networks from every host, as "docker network rm" does')
      .action(async (names: string[]) => {
        for (const name of names) await terminal.changed(await terminal.client.call('DELETE', url(name)));
      }),
    ['corduroy network remove web'],
  );
  examples(
    network
      .command('list')
      .description('every network, of this host and others')
      .action(async () => terminal.list(await terminal.client.get<Network[]>('/networks'), columns)),
    ['corduroy network list', 'corduroy network list -o wide'],
  );
  examples(
    network
      .command('show <network>')
      .description('one network, by name')
      .action(async (name: string) => terminal.one(await terminal.client.get<Network>(url(name)), columns)),
    ['corduroy network show web'],
  );
}
