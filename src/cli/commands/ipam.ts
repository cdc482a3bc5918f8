import type { Command } from 'commander';
import { EXIT, usageError } from '../failure.js';
import { examples } from '../help-text.js';
import { booleanOf, countOrNone } from '../option-values.js';
import type { Column } from '../table.js';
import type { Terminal } from '../terminal.js';

type Usage = Readonly<Record<'size' | 'assigned' | 'cooling' | 'reserved' | 'free' | 'borrowed', string>>;

interface UsageRow {
  readonly what: string;
  readonly used: string;
  readonly usage: Usage;
}

const usageColumns: readonly Column<UsageRow>[] = [
  { header: 'SUBNET', value: ({ what }) => what },
  { header: 'USED BY', value: ({ used }) => used },
  { header: 'SIZE', value: ({ usage }) => usage.size },
  { header: 'ASSIGNED', value: ({ usage }) => usage.assigned },
  { header: 'COOLING', value: ({ usage }) => usage.cooling },
  { header: 'RESERVED', value: ({ usage }) => usage.reserved },
  { header: 'FREE', value: ({ usage }) => usage.free },
  { header: 'BORROWED', wide: true, value: ({ usage }) => usage.borrowed },
];

interface Pool {
  readonly pool: string;
  readonly name: string;
  readonly usage: Usage;
  readonly subnets: readonly {
    readonly cidr: string;
    readonly networks: readonly string[];
    readonly usage: Usage;
  }[];
}

const usageRows = (pools: readonly Pool[]): UsageRow[] =>
  pools.flatMap(({ pool, name, usage, subnets }) => [
    { what: pool, used: `pool ${name}`, usage },
    ...subnets.map(({ cidr, networks, usage }) => ({ what: `  ${cidr}`, used: networks.join(','), usage })),
  ]);

interface Address {
  readonly address: string;
  readonly pool: string | null;
  readonly subnet: string | null;
  readonly block: string | null;
  readonly state: string;
  readonly since: string | null;
  readonly node: string | null;
  readonly handle: string | null;
  readonly purpose: string | null;
  readonly endpoint: string | null;
  readonly container: string | null;
}

const addressFields: readonly Column<Address>[] = [
  { header: 'Address', value: ({ address }) => address },
  { header: 'State', value: ({ state, purpose }) => (purpose === null ? state : `${state} (${purpose})`) },
  { header: 'Since', value: ({ since }) => since },
  { header: 'Pool', value: ({ pool }) => pool },
  { header: 'Subnet', value: ({ subnet }) => subnet },
  { header: 'Block', value: ({ block }) => block },
  { header: 'Node', value: ({ node }) => node },
  { header: 'Container', value: ({ container }) => container },
  { header: 'Endpoint', value: ({ endpoint }) => endpoint },
];

interface Block {
  readonly cidr: string;
  readonly subnet: string;
  readonly node: string | null;
  readonly usage: Usage;
}

const blockColumns: readonly Column<Block>[] = [
  { header: 'BLOCK', value: ({ cidr }) => cidr },
  { header: 'SUBNET', value: ({ subnet }) => subnet },
  { header: 'NODE', value: ({ node }) => node },
  { header: 'ASSIGNED', value: ({ usage }) => usage.assigned },
  { header: 'COOLING', value: ({ usage }) => usage.cooling },
  { header: 'RESERVED', value: ({ usage }) => usage.reserved },
  { header: 'FREE', value: ({ usage }) => usage.free },
  { header: 'BORROWED', wide: true, value: ({ usage }) => usage.borrowed },
];

interface Report {
  readonly blocks: number;
  readonly addresses: number;
  readonly endpoints: number;
  readonly findings: readonly {
    readonly kind: string;
    readonly subject: string;
    readonly message: string;
    readonly repair: string | null;
    readonly repaired: boolean;
  }[];
}

const findingColumns: readonly Column<Report['findings'][number]>[] = [
  { header: 'SUBJECT', value: ({ subject }) => subject },
  { header: 'FINDING', value: ({ message }) => message },
  { header: 'REPAIR', value: ({ repair, repaired }) => (repaired ? `done: ${repair}` : (repair ?? 'by hand')) },
];

interface Settings {
  readonly strictAffinity: boolean;
  readonly maxBlocksPerHost: number | null;
}

const settingsFields: readonly Column<Settings>[] = [
  { header: 'Strict affinity', value: ({ strictAffinity }) => String(strictAffinity) },
  { header: 'Max blocks per host', value: ({ maxBlocksPerHost }) => maxBlocksPerHost ?? 'none' },
];

interface Configured {
  readonly strictAffinity?: boolean;
  readonly maxBlocksPerHost?: number | 'none';
}

interface Shown {
  readonly blocks?: true;
  readonly utilisation?: true;
  readonly configuration?: true;
}

const url = (address: string): string => `/ipam/addresses/${encodeURIComponent(address)}`;

/** `corduroy ipam ...` */
export function defineIpam(ipam: Command, terminal: Terminal): void {
  examples(
    ipam
      .command('show [address]')
      .description('one address, or how full pools and subnets are')
      .option('--blocks', 'every block and the node that it belongs to')
      .option('--utilisation', 'how full pools and subnets are (the default)')
      .option('--configuration', 'how all hosts share addresses')
      .action(async (address: string | undefined, { blocks, configuration }: Shown) => {
        if (configuration) return terminal.one(await terminal.client.get<Settings>('/ipam/settings'), settingsFields);
        if (address !== undefined) return terminal.one(await terminal.client.get<Address>(url(address)), addressFields);
        if (blocks) return terminal.list(await terminal.client.get<Block[]>('/ipam/blocks'), blockColumns);
        const pools = await terminal.client.get<Pool[]>('/ipam/utilisation');
        if (!(await terminal.data(pools))) await terminal.list(usageRows(pools), usageColumns);
      }),
    ['corduroy ipam show', 'corduroy ipam show 10.64.0.7', 'corduroy ipam show --blocks'],
  );
  examples(
    ipam
      .command('release <address...>')
      .description('free addresses that no living endpoint has')
      .action(async (addresses: string[]) => {
        for (const address of addresses) await terminal.changed(await terminal.client.call('DELETE', url(address)));
      }),
    ['corduroy ipam release 10.64.0.7'],
  );
  examples(
    ipam
      .command('configure')
      .description('change how all hosts share addresses; what is not named stays')
      .option(
        '--strict-affinity [value]',
        "no host takes an address from another host's block (true, false)",
        booleanOf,
      )
      .option(
        '--max-blocks-per-host <count>',
        "most blocks of one network's subnet that a host may have, or none",
        countOrNone,
      )
      .action(async ({ strictAffinity, maxBlocksPerHost: most }: Configured) => {
        if (strictAffinity === undefined && most === undefined) {
          throw usageError('it is not clear what to change', 'give --strict-affinity or --max-blocks-per-host');
        }
        const maxBlocksPerHost = most === 'none' ? null : most;
        const asked = { strictAffinity, maxBlocksPerHost };
        await terminal.changed(await terminal.client.call('PATCH', '/ipam/settings', asked));
      }),
    ['corduroy ipam configure --strict-affinity true', 'corduroy ipam configure --max-blocks-per-host 4'],
  );
  examples(
    ipam
      .command('check')
      .description('compare pools, subnets, blocks, handles and endpoints; exit 1 if something is left to do')
      .option('--repair', 'put right what can be put right')
      .action(async ({ repair = false }: { repair?: boolean }) => {
        const report = (await terminal.client.call('POST', '/ipam/check', { repair })) as Report;
        if (report.findings.some(({ repaired }) => !repaired)) terminal.exitCode = EXIT.failed;
        if (await terminal.data(report)) return;
        if (report.findings.length > 0) await terminal.list(report.findings, findingColumns);
        const { blocks, addresses, endpoints } = report;
        terminal.text(
          `looked at ${blocks} blocks, ${addresses} addresses, ${endpoints} endpoints: ${report.findings.length} findings\n`,
        );
      }),
    ['corduroy ipam check', 'corduroy ipam check --repair'],
  );
}
