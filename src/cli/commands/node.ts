import type { Command } from 'commander';
import { usageError } from '../failure.js';
import { examples } from '../help-text.js';
import { another, anotherPair, asNumberOf } from '../option-values.js';
import type { Column } from '../table.js';
import type { Terminal } from '../terminal.js';

interface Node {
  readonly name: string;
  readonly ip: string | null;
  readonly ip6: string | null;
  readonly tunnelIp: string | null;
  readonly tunnelIp6: string | null;
  readonly asNumber: number | null;
  readonly routeReflectorClusterId: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly version: string;
  readonly startedAt: string;
  readonly state: 'alive' | 'gone' | 'unknown';
  readonly lastSeen: string | null;
  readonly endpoints: number;
  readonly thisNode: boolean;
}

/** When it was last seen tells since when it is missed. */
function stateOf({ state, lastSeen }: Node): string {
  if (state !== 'gone') return state;
  return lastSeen === null ? 'not seen' : `not seen since ${lastSeen}`;
}

const columns: readonly Column<Node>[] = [
  { header: 'NAME', value: ({ name, thisNode }) => (thisNode ? `${name} (this one)` : name) },
  { header: 'IPV4', value: ({ ip }) => ip },
  { header: 'IPV6', value: ({ ip6 }) => ip6 },
  {
    header: 'IN TUNNELS',
    wide: true,
    value: ({ tunnelIp, tunnelIp6 }) => [tunnelIp, tunnelIp6].filter((address) => address !== null),
  },
  { header: 'AS', value: ({ asNumber }) => asNumber },
  { header: 'STATE', value: stateOf },
  { header: 'REFLECTOR', wide: true, value: ({ routeReflectorClusterId }) => routeReflectorClusterId },
  { header: 'ENDPOINTS', value: ({ endpoints }) => endpoints },
  { header: 'VERSION', value: ({ version }) => version },
  {
    header: 'LABELS',
    wide: true,
    value: ({ labels }) => Object.entries(labels).map(([name, value]) => `${name}=${value}`),
  },
  { header: 'STARTED', wide: true, value: ({ startedAt }) => startedAt },
];

interface Asked {
  readonly label?: Readonly<Record<string, string>>;
  readonly unsetLabel?: readonly string[];
  readonly asNumber?: number | 'default';
  readonly routeReflectorClusterId?: string;
}

const asNumberOrDefault = (text: string): number | 'default' => (text === 'default' ? text : asNumberOf(text));

const url = (name: string): string => `/nodes/${encodeURIComponent(name)}`;

/** `corduroy node ...` */
export function defineNode(node: Command, terminal: Terminal): void {
  examples(
    node
      .command('list')
      .description('every host that runs the daemon')
      .action(async () => terminal.list(await terminal.client.get<Node[]>('/nodes'), columns)),
    ['corduroy node list'],
  );
  examples(
    node
      .command('show <node>')
      .description('one host, by name')
      .action(async (name: string) => terminal.one(await terminal.client.get<Node>(url(name)), columns)),
    ['corduroy node show alpha'],
  );
  examples(
    node
      .command('set <node>')
      .description('change what is kept of a host; what is not named stays')
      .option('--label <key=value>', "a label, for pools' node selectors", anotherPair)
      .option('--unset-label <key>', 'take a label away', another)
      .option(
        '--as-number <number>',
        'its AS number, unless its daemon is told one; "default" for the cluster\'s',
        asNumberOrDefault,
      )
      .option(
        '--route-reflector-cluster-id <id>',
        'it reflects routes, as 244.0.0.1 with others of that id; "none" to end it',
      )
      .action(async (name: string, { label, unsetLabel, asNumber: as, routeReflectorClusterId: id }: Asked) => {
        if ([label, unsetLabel, as, id].every((option) => option === undefined)) {
          throw usageError(
            'it is not clear what to change',
            'give --label, --unset-label, --as-number or --route-reflector-cluster-id',
          );
        }
        const labels = { ...Object.fromEntries((unsetLabel ?? []).map((key) => [key, null])), ...label };
        const asNumber = as === 'default' ? null : as;
        const routeReflectorClusterId = id === 'none' ? null : id;
        await terminal.changed(
          await terminal.client.call('PATCH', url(name), { labels, asNumber, routeReflectorClusterId }),
        );
      }),
    [
      'corduroy node set alpha --label rack=1 --label disk=ssd',
      'corduroy node set alpha --route-reflector-cluster-id 244.0.0.1',
    ],
  );
  examples(
    node
      .command('remove <node>')
      .description('remove another host that is gone for good: its endpoints, networks, addresses and blocks')
      .option('--remove-endpoints', 'even if it has endpoints')
      .action(async (name: string, { removeEndpoints }: { removeEndpoints?: true }) => {
        const query = removeEndpoints ? '?removeEndpoints=true' : '';
        await terminal.changed(await terminal.client.call('DELETE', `${url(name)}${query}`));
      }),
    ['corduroy node remove beta', 'corduroy node remove beta --remove-endpoints'],
  );
}
