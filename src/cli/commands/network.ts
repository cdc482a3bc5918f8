import type { Command } from 'commander';
import { examples } from '../help-text.js';
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
  readonly endpoints: number;
}

const columns: readonly Column<Network>[] = [
  { header: 'NAME', value: ({ name }) => name },
  { header: 'SUBNETS', value: ({ subnets }) => subnets.map(({ cidr }) => cidr) },
  { header: 'PROFILES', value: ({ profiles }) => profiles },
  { header: 'ENDPOINTS', value: ({ endpoints }) => endpoints },
  { header: 'DOCKER-ID', value: ({ dockerNetworkId }) => dockerNetworkId?.slice(0, 12) },
  { header: 'INTERNAL', wide: true, value: ({ internal }) => internal },
  { header: 'IPAM', wide: true, value: ({ ipam }) => ipam },
  { header: 'MTU', wide: true, value: ({ mtu }) => mtu ?? 'as the host' },
  { header: 'NAT-OUTGOING', wide: true, value: ({ natOutgoing }) => natOutgoing ?? 'as the pool' },
  { header: 'PUBLISH', wide: true, value: ({ publish }) => publish },
];

/** `corduroy network ...`: Docker's own commands create and remove networks. */
export function defineNetwork(network: Command, terminal: Terminal): void {
  examples(
    network
      .command('list')
      .description('every network; "docker network create -d corduroy" makes one')
      .action(async () => terminal.list(await terminal.client.get<Network[]>('/networks'), columns)),
    ['corduroy network list', 'corduroy network list -o wide'],
  );
  examples(
    network
      .command('show <network>')
      .description('one network, by name')
      .action(async (name: string) =>
        terminal.one(await terminal.client.get<Network>(`/networks/${encodeURIComponent(name)}`), columns),
      ),
    ['corduroy network show web'],
  );
}
