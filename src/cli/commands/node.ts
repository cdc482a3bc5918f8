import type { Command } from 'commander';
import { examples } from '../help-text.js';
import type { Column } from '../table.js';
import type { Terminal } from '../terminal.js';

interface Node {
  readonly name: string;
  readonly ip: string | null;
  readonly ip6: string | null;
  readonly asNumber: number | null;
  readonly version: string;
  readonly startedAt: string;
  readonly endpoints: number;
  readonly thisNode: boolean;
}

const columns: readonly Column<Node>[] = [
  { header: 'NAME', value: ({ name, thisNode }) => (thisNode ? `${name} (this one)` : name) },
  { header: 'IPV4', value: ({ ip }) => ip },
  { header: 'IPV6', value: ({ ip6 }) => ip6 },
  { header: 'AS', value: ({ asNumber }) => asNumber },
  { header: 'ENDPOINTS', value: ({ endpoints }) => endpoints },
  { header: 'VERSION', value: ({ version }) => version },
  { header: 'STARTED', wide: true, value: ({ startedAt }) => startedAt },
];

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
      .action(async (name: string) =>
        terminal.one(await terminal.client.get<Node>(`/nodes/${encodeURIComponent(name)}`), columns),
      ),
    ['corduroy node show alpha'],
  );
}
