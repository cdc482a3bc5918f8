import type { Command } from 'commander';
import { usageError } from '../failure.js';
import { examples } from '../help-text.js';
import type { Column } from '../table.js';
import type { Terminal } from '../terminal.js';

interface Endpoint {
  readonly id: string;
  readonly node: string;
  readonly network: string | null;
  readonly container: { readonly id: string; readonly name: string } | null;
  readonly addresses: readonly string[];
  readonly mac: string;
  readonly interface: string;
  readonly profiles: readonly string[];
  readonly ownProfiles: boolean;
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly published: readonly string[];
  readonly attached: boolean | null;
  readonly createdAt: string;
}

/** Digits of an id that lists show, as Docker does. */
const SHORT = 12;

const columns: readonly Column<Endpoint>[] = [
  { header: 'ENDPOINT', value: ({ id }) => id.slice(0, SHORT) },
  { header: 'CONTAINER', value: ({ container }) => container?.name },
  { header: 'NETWORK', value: ({ network }) => network },
  { header: 'ADDRESSES', value: ({ addresses }) => addresses },
  { header: 'PROFILES', value: ({ profiles }) => profiles },
  { header: 'NODE', value: ({ node }) => node },
  { header: 'ATTACHED', value: ({ attached }) => attached },
  { header: 'INTERFACE', wide: true, value: (endpoint) => endpoint.interface },
  { header: 'MAC', wide: true, value: ({ mac }) => mac },
  { header: 'PUBLISHED', wide: true, value: ({ published }) => published },
];

const fields: readonly Column<Endpoint>[] = [
  { header: 'Endpoint', value: ({ id }) => id },
  { header: 'Container', value: ({ container }) => container && `${container.name} (${container.id.slice(0, SHORT)})` },
  { header: 'Node', value: ({ node }) => node },
  { header: 'Network', value: ({ network }) => network },
  { header: 'Addresses', value: ({ addresses }) => addresses },
  { header: 'MAC', value: ({ mac }) => mac },
  { header: 'Interface', value: (endpoint) => endpoint.interface },
  { header: 'Attached', value: ({ attached }) => attached },
  {
    header: 'Profiles',
    value: ({ profiles, ownProfiles }) => profiles.join(', ') + (ownProfiles ? '' : " (its network's)"),
  },
  { header: 'Tags', value: ({ tags }) => tags.join(', ') },
  {
    header: 'Labels',
    value: ({ labels }) =>
      Object.entries(labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(', '),
  },
  { header: 'Published', value: ({ published }) => published.join(', ') },
  { header: 'Created', value: ({ createdAt }) => createdAt },
];

/** `corduroy endpoint ...` */
export function defineEndpoint(endpoint: Command, terminal: Terminal): void {
  filters(endpoint.command('list').description('endpoints of every node, or those that fit'), terminal);
  examples(
    endpoint
      .command('show <endpoint>')
      .description('one endpoint, by id or a beginning of it')
      .action(async (id: string) =>
        terminal.one(await terminal.client.get<Endpoint>(`/endpoints/${encodeURIComponent(id)}`), fields),
      ),
    ['corduroy endpoint show 3f9c12ab'],
  );
  const profile = endpoint.command('profile').description('the profiles that decide about its traffic');
  defineProfiles(profile, terminal, {
    name: 'endpoint',
    example: '3f9c12ab',
    url: (id) => `/endpoints/${encodeURIComponent(id)}`,
  });
}

/** `corduroy container ...`: the same by the name that people know. */
export function defineContainer(container: Command, terminal: Terminal): void {
  filters(container.command('list').description('containers on our networks, an endpoint a line'), terminal);
  examples(
    container
      .command('show <container>')
      .description("a container's endpoints, by its name or id")
      .action(async (name: string) => {
        const found = await terminal.client.get<Endpoint[]>(`/containers/${encodeURIComponent(name)}`);
        if (found.length === 1 && found[0] !== undefined && terminal.format === 'table')
          return terminal.one(found[0], fields);
        return terminal.list(found, columns);
      }),
    ['corduroy container show web1'],
  );
  const profile = container.command('profile').description('the profiles that decide about its traffic');
  defineProfiles(profile, terminal, {
    name: 'container',
    example: 'web1',
    url: (name) => `/containers/${encodeURIComponent(name)}`,
  });
}

function filters(list: Command, terminal: Terminal): void {
  list
    .option('--node <node>', 'on this node')
    .option('--network <network>', 'on this network')
    .option('--profile <profile>', 'bearing this profile')
    .option('--label <label>', 'bearing this label, KEY or KEY=VALUE')
    .action(async (wanted: Record<string, string>) => {
      const query = new URLSearchParams(wanted).toString();
      await terminal.list(
        await terminal.client.get<Endpoint[]>(`/endpoints${query === '' ? '' : `?${query}`}`),
        columns,
      );
    });
  examples(list, [
    `corduroy ${list.parent?.name()} list --network web`,
    `corduroy ${list.parent?.name()} list --label tier=front -o wide`,
  ]);
}

interface Whose {
  readonly name: 'endpoint' | 'container';
  readonly example: string;
  readonly url: (name: string) => string;
}

function defineProfiles(profile: Command, terminal: Terminal, { name, example, url }: Whose): void {
  const post = async (who: string, body: object, network?: string): Promise<void> => {
    const query = network === undefined ? '' : `?network=${encodeURIComponent(network)}`;
    await terminal.changed(await terminal.client.call('POST', `${url(who)}/profiles${query}`, body));
  };
  const verb = (text: string, action: string, parameters: string): Command => {
    const command = profile
      .command(`${action} <${name}> ${parameters}`.trim())
      .description(text)
      .usage(
        `(corduroy ${name} ${name === 'endpoint' ? 'ID' : 'NAME'} profile ${action} ${parameters ? 'PROFILE...' : ''})`,
      );
    return name === 'container' && parameters !== ''
      ? command.option('--network <network>', 'on this network only')
      : command;
  };
  for (const [action, text] of [
    ['append', 'add profiles after those it bears'],
    ['remove', 'take profiles from it'],
  ] as const) {
    examples(
      verb(text, action, '<profile...>').action((who: string, profiles: string[], { network }: { network?: string }) =>
        post(who, { action, profiles }, network),
      ),
      [`corduroy ${name} ${example} profile ${action} DB`],
    );
  }
  examples(
    verb('replace its profiles', 'set', '[profile...]')
      .option('--none', 'no profile at all: all its traffic is denied')
      .option('--inherit', 'those of its network, as from the start')
      .action((who: string, profiles: string[], options: { none?: true; inherit?: true; network?: string }) => {
        const ways = [profiles.length > 0, options.none, options.inherit].filter(Boolean).length;
        if (ways !== 1) {
          throw usageError('it is not clear which profiles to set', 'give profiles, or --none, or --inherit');
        }
        return post(who, { action: 'set', profiles: options.inherit ? null : profiles }, options.network);
      }),
    [`corduroy ${name} ${example} profile set WEB DB`, `corduroy ${name} ${example} profile set --inherit`],
  );
  examples(
    verb('its profiles, in order', 'show', '').action(async (who: string) => {
      const found = await terminal.client.get<Endpoint | Endpoint[]>(url(who));
      const endpoints = Array.isArray(found) ? found : [found];
      await terminal.list(
        endpoints,
        columns.filter(({ header }) => ['ENDPOINT', 'NETWORK', 'PROFILES'].includes(header)),
      );
    }),
    [`corduroy ${name} ${example} profile show`],
  );
}
