import { Argument, type Command } from 'commander';
import { usageError } from '../failure.js';
import { examples } from '../help-text.js';
import { integerOf } from '../option-values.js';
import { ruleText } from '../rule-words.js';
import type { Column } from '../table.js';
import type { Terminal } from '../terminal.js';

interface Profile {
  readonly name: string;
  readonly mode: string;
  readonly tags: readonly string[];
  readonly inbound: readonly string[];
  readonly outbound: readonly string[];
  readonly networks: readonly string[];
  readonly endpoints: number;
}

const columns: readonly Column<Profile>[] = [
  { header: 'NAME', value: ({ name }) => name },
  { header: 'MODE', value: ({ mode }) => mode },
  { header: 'TAGS', value: ({ tags }) => tags },
  { header: 'INBOUND', value: ({ inbound }) => inbound.length },
  { header: 'OUTBOUND', value: ({ outbound }) => outbound.length },
  { header: 'ENDPOINTS', value: ({ endpoints }) => endpoints },
  { header: 'NETWORKS', wide: true, value: ({ networks }) => networks },
];

const numbered = (rules: readonly string[]): string => rules.map((rule, i) => `   ${i + 1} ${rule}\n`).join('');

/** Rules as calicoctl shows them: numbered from 1, in the order in which they are tried. */
const formatRules = ({ inbound, outbound }: Pick<Profile, 'inbound' | 'outbound'>): string =>
  `Inbound rules:\n${numbered(inbound)}Outbound rules:\n${numbered(outbound)}`;

const url = (name: string, rest = ''): string => `/profiles/${encodeURIComponent(name)}${rest}`;

/** `corduroy profile ...` */
export function defineProfile(profile: Command, terminal: Terminal): void {
  const find = (name: string): Promise<Profile> => terminal.client.get(url(name));
  const all = async (): Promise<void> => terminal.list(await terminal.client.get<Profile[]>('/profiles'), columns);

  examples(
    profile
      .command('add <name>')
      .description('add a profile: a tag of its name, inbound from that tag, outbound everything')
      .action(async (name: string) => terminal.changed(await terminal.client.call('POST', '/profiles', { name }))),
    ['corduroy profile add WEB'],
  );
  examples(
    profile
      .command('remove <profile>')
      .description('remove a profile that nothing uses')
      .option('--no-check', 'remove it even from what uses it, which is then denied what it allowed')
      .action(async (name: string, { check }: { check: boolean }) =>
        terminal.changed(await terminal.client.call('DELETE', url(name, check ? '' : '?check=false'))),
      ),
    ['corduroy profile remove WEB'],
  );
  examples(profile.command('list').description('every profile').action(all), ['corduroy profile list']);
  examples(
    profile
      .command('show [profile]')
      .description('one profile with its rules; without a name, every profile')
      .option('--detailed', 'every profile with its rules')
      .action(async (name: string | undefined, { detailed }: { detailed?: true }) => {
        if (name === undefined && detailed !== true) return all();
        const profiles = name === undefined ? await terminal.client.get<Profile[]>('/profiles') : [await find(name)];
        if (await terminal.data(name === undefined ? profiles : profiles[0])) return;
        terminal.text(profiles.map(formatProfile).join('\n'));
      }),
    ['corduroy profile show WEB', 'corduroy profile show --detailed'],
  );
  defineTags(profile.command('tag').description('tags that rules select peers by'), terminal, find);
  defineRules(profile.command('rule').description('ordered rules; the first that matches decides'), terminal, find);
  examples(
    profile
      .command('mode <profile>')
      .usage('corduroy profile NAME mode enforce|audit')
      .description('enforce its rules, or only count and log what they would drop')
      .addArgument(new Argument('[mode]', 'without one: print it').choices(['enforce', 'audit']))
      .action(async (name: string, mode: string | undefined) => {
        if (mode !== undefined)
          return terminal.changed(await terminal.client.call('PUT', url(name, '/mode'), { mode }));
        const found = await find(name);
        if (!(await terminal.data({ mode: found.mode }))) terminal.text(`${found.mode}\n`);
      }),
    ['corduroy profile WEB mode audit', 'corduroy profile WEB mode enforce'],
  );
}

function formatProfile(profile: Profile): string {
  const { name, mode, tags, networks, endpoints } = profile;
  const users = `${endpoints} endpoints${networks.length > 0 ? `, networks ${networks.join(', ')}` : ''}`;
  return `Profile ${name} (${mode})\nTags: ${tags.join(', ') || '-'}\nUsed by: ${users}\n${formatRules(profile)}`;
}

type Find = (name: string) => Promise<Profile>;

function defineTags(tag: Command, terminal: Terminal, find: Find): void {
  for (const [verb, method] of [
    ['add', 'PUT'],
    ['remove', 'DELETE'],
  ] as const) {
    examples(
      tag
        .command(`${verb} <profile> <tag>`)
        .usage(`corduroy profile NAME tag ${verb} TAG`)
        .description(`${verb} a tag`)
        .action(async (name: string, text: string) =>
          terminal.changed(await terminal.client.call(method, url(name, `/tags/${encodeURIComponent(text)}`))),
        ),
      [`corduroy profile WEB tag ${verb} frontend`],
    );
  }
  examples(
    tag
      .command('show <profile>')
      .usage('corduroy profile NAME tag show')
      .description('its tags, one a line')
      .action(async (name: string) => {
        const { tags } = await find(name);
        if (!(await terminal.data(tags))) terminal.text(tags.map((text) => `${text}\n`).join(''));
      }),
    ['corduroy profile WEB tag show'],
  );
}

const direction = (): Argument => new Argument('<direction>', 'inbound or outbound').choices(['inbound', 'outbound']);

function defineRules(rule: Command, terminal: Terminal, find: Find): void {
  examples(
    rule
      .command('add <profile>')
      .usage('corduroy profile NAME rule add inbound|outbound [--at N] RULE')
      .description('add a rule, at a position or at the end')
      .addArgument(direction())
      .argument('<rule...>', RULE)
      .option('--at <position>', 'from 1; the rule there and those after it move down', integerOf)
      .action(async (name: string, way: string, words: string[], { at }: { at?: number }) => {
        const body = { rule: ruleText(words), ...(at === undefined ? {} : { at }) };
        return terminal.changed(await terminal.client.call('POST', url(name, `/rules/${way}`), body));
      }),
    [
      'corduroy profile WEB rule add inbound allow tcp to ports 80,443',
      'corduroy profile DB rule add inbound allow tcp from tag WEB to ports 5432',
      'corduroy profile WEB rule add outbound --at 1 deny to cidr 10.0.0.0/8',
    ],
  );
  examples(
    rule
      .command('remove <profile>')
      .usage('corduroy profile NAME rule remove inbound|outbound (--at N | RULE)')
      .description('remove a rule, by its position or its text')
      .addArgument(direction())
      .argument('[rule...]', RULE)
      .option('--at <position>', 'as "rule show" numbers them', integerOf)
      .action(async (name: string, way: string, words: string[], { at }: { at?: number }) => {
        if ((words.length === 0) === (at === undefined)) {
          throw usageError('it is not clear which rule to remove', 'give either --at N or the rule itself');
        }
        const which = at === undefined ? `rule=${encodeURIComponent(ruleText(words))}` : `at=${at}`;
        return terminal.changed(await terminal.client.call('DELETE', url(name, `/rules/${way}?${which}`)));
      }),
    [
      'corduroy profile WEB rule remove inbound --at 2',
      'corduroy profile WEB rule remove inbound allow tcp to ports 80,443',
    ],
  );
  examples(
    rule
      .command('show <profile>')
      .usage('corduroy profile NAME rule show')
      .description('its rules with their positions')
      .action(async (name: string) => {
        const { inbound, outbound } = await find(name);
        if (!(await terminal.data({ inbound, outbound }))) terminal.text(formatRules({ inbound, outbound }));
      }),
    ['corduroy profile WEB rule show'],
  );
  examples(
    rule
      .command('json <profile>')
      .usage('corduroy profile NAME rule json')
      .description("its rules in calicoctl's JSON, as update takes them")
      .action(async (name: string) => {
        const rules = await terminal.client.get(url(name, '/rules'));
        terminal.text(`${JSON.stringify(rules, undefined, 2)}\n`);
      }),
    ['corduroy profile WEB rule json >web.json'],
  );
  examples(
    rule
      .command('update <profile>')
      .usage('corduroy profile NAME rule update <FILE')
      .description("replace its rules, at once, by JSON from standard input: calicoctl's, or rules as texts")
      .action(async (name: string) => {
        const body = parseRules(await terminal.streams.readInput());
        return terminal.changed(await terminal.client.call('PUT', url(name, '/rules'), body));
      }),
    ['corduroy profile WEB rule update <web.json'],
  );
}

const RULE =
  'allow|deny|log|pass [PROTOCOL] [from [ports P] [tag T] [selector S] [CIDR]] [to ...]; "not" before a clause negates it';

function parseRules(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // told below: what is not JSON and what is not an object have one remedy
  }
  throw usageError(
    'standard input holds no JSON object',
    'give {"inbound_rules": [...], "outbound_rules": [...]} as "rule json" prints it, or {"inbound": ["RULE", ...], "outbound": [...]}',
  );
}
