import { type Command, Option } from 'commander';
import { usageError } from '../failure.js';
import { examples } from '../help-text.js';
import { booleanOf, integerOf } from '../option-values.js';
import type { Column } from '../table.js';
import type { Terminal } from '../terminal.js';

interface Pool {
  readonly cidr: string;
  readonly name: string;
  readonly blockSize: number;
  readonly networkPrefix: number;
  readonly encapsulation: string;
  readonly crossSubnet: boolean;
  readonly natOutgoing: boolean;
  readonly disabled: boolean;
  readonly nodeSelector: string | null;
}

const columns: readonly Column<Pool>[] = [
  { header: 'CIDR', value: ({ cidr }) => cidr },
  { header: 'NAME', value: ({ name }) => name },
  { header: 'BLOCK', value: ({ blockSize }) => `/${blockSize}` },
  { header: 'NETWORK', value: ({ networkPrefix }) => `/${networkPrefix}` },
  { header: 'NAT-OUTGOING', value: ({ natOutgoing }) => natOutgoing },
  { header: 'DISABLED', value: ({ disabled }) => disabled },
  {
    header: 'ENCAP',
    wide: true,
    value: ({ encapsulation, crossSubnet }) => encapsulation + (crossSubnet ? ' (cross-subnet)' : ''),
  },
  { header: 'NODE-SELECTOR', wide: true, value: ({ nodeSelector }) => nodeSelector },
];

const changeable = (command: Command): Command =>
  command
    .option('--name <name>', 'what "--ipam-opt pool=NAME" chooses it by')
    .option('--network-prefix <bits>', 'prefix length of the subnet carved for a network that names none', integerOf)
    .addOption(
      new Option('--encap <kind>', 'what packets between hosts travel in; "none": as they are').choices([
        'none',
        'ipip',
        'vxlan',
      ]),
    )
    .option('--cross-subnet [boolean]', 'encapsulate only between hosts that do not share a subnet', booleanOf)
    .option('--nat-outgoing [boolean]', 'masquerade what leaves for addresses outside every pool', booleanOf)
    .option('--node-selector <selector>', 'nodes that may assign from it, by their labels; "all()": every node');

const creatable = (command: Command): Command =>
  changeable(command)
    .option('--block-size <bits>', 'prefix length of its blocks; fixed for its life', integerOf)
    .option('--disable', DISABLE);

const DISABLE = 'no new network or address comes from it; what exists stays';

interface Asked {
  readonly encap?: string;
  readonly enable?: true;
  readonly disable?: true;
}

function bodyOf({ encap, enable, disable, ...options }: Asked): object {
  if (enable && disable) throw usageError('a pool cannot be both enabled and disabled', 'give one of the two');
  return {
    ...options,
    ...(encap === undefined ? {} : { encapsulation: encap }),
    ...(enable || disable ? { disabled: disable === true } : {}),
  };
}

const url = (pool: string): string => `/pools/${encodeURIComponent(pool)}`;

/** `corduroy pool ...` */
export function definePool(pool: Command, terminal: Terminal): void {
  const add = pool.command('add <cidr...>').description('add pools, all or none');
  creatable(add).action(async (cidrs: string[], options: object) => {
    await terminal.changed(await terminal.client.call('POST', '/pools', { cidrs, ...bodyOf(options) }));
  });
  examples(add, [
    'corduroy pool add 10.80.0.0/16 --nat-outgoing',
    'corduroy pool add 10.80.0.0/16 fd00:1::/48 --name lab',
    'corduroy pool add 10.82.0.0/16 --encap vxlan --cross-subnet',
    `corduroy pool add 10.81.0.0/16 --node-selector 'rack in {"1", "2"}'`,
  ]);

  const remove = pool
    .command('remove <pool...>')
    .description('remove pools that no network uses, by CIDR or name')
    .action(async (pools: string[]) => {
      for (const name of pools) await terminal.changed(await terminal.client.call('DELETE', url(name)));
    });
  examples(remove, ['corduroy pool remove 10.80.0.0/16']);

  const list = pool
    .command('list')
    .description('every pool')
    .action(async () => terminal.list(await terminal.client.get<Pool[]>('/pools'), columns));
  examples(list, ['corduroy pool list', 'corduroy pool list -o json']);

  const show = pool
    .command('show [pool]')
    .description('one pool, by CIDR or name; without one, as list')
    .option('--ipv4', 'IPv4 pools only')
    .option('--ipv6', 'IPv6 pools only')
    .action(async (name: string | undefined, { ipv4, ipv6 }: { ipv4?: true; ipv6?: true }) => {
      if (name !== undefined) return terminal.one(await terminal.client.get<Pool>(url(name)), columns);
      const pools = await terminal.client.get<Pool[]>('/pools');
      const wanted = pools.filter(({ cidr }) => ipv4 === ipv6 || (cidr.includes(':') ? ipv6 : ipv4) === true);
      return terminal.list(wanted, columns);
    });
  examples(show, ['corduroy pool show 10.64.0.0/12', 'corduroy pool show --ipv6']);

  // In the record, every node is the absence of a selector.
  const selectorOf = ({ nodeSelector }: { nodeSelector?: string }): object =>
    nodeSelector?.replaceAll(' ', '') === 'all()' ? { nodeSelector: null } : {};
  const set = pool.command('set <pool>').description('change a pool; what is not named stays');
  changeable(set)
    .option('--disable', DISABLE)
    .option('--enable', 'the reverse')
    .action(async (name: string, options: object) => {
      const body = { ...bodyOf(options), ...selectorOf(options) };
      await terminal.changed(await terminal.client.call('PATCH', url(name), body));
    });
  examples(set, [
    'corduroy pool set 10.64.0.0/12 --nat-outgoing false',
    'corduroy pool set 10.64.0.0/12 --encap vxlan',
    'corduroy pool set lab --disable',
  ]);

  const range = pool.command('range').description('pools by a range of addresses');
  const addRange = range.command('add <start> <end>').description('add the fewest pools that are exactly this range');
  creatable(addRange).action(async (first: string, last: string, options: object) => {
    await terminal.changed(await terminal.client.call('POST', '/pool-ranges', { first, last, ...bodyOf(options) }));
  });
  examples(addRange, ['corduroy pool range add 10.80.0.0 10.80.3.255']);
}
