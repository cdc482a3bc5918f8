import { readFile } from 'node:fs/promises';
import { Argument, type Command } from 'commander';
import { CommandFailure } from '../failure.js';
import { examples } from '../help-text.js';
import { asNumberOf, integerOf } from '../option-values.js';
import type { Column } from '../table.js';
import type { Terminal } from '../terminal.js';

/** As the admin API answers it. */
export interface BgpStatus {
  readonly problems: readonly string[];
  readonly sessions: readonly {
    readonly peer: string;
    readonly address: string;
    readonly asNumber: number;
    readonly type: string;
    readonly state: string;
    readonly since: string | null;
    readonly imported: number;
    readonly exported: number;
    readonly error: string | null;
  }[];
}

interface Settings {
  readonly mesh: boolean;
  readonly defaultAsNumber: number;
}

interface Peer {
  readonly address: string;
  readonly asNumber: number;
  readonly node: string | null;
  readonly hasPassword: boolean;
  readonly passive: boolean;
  readonly bfd: boolean;
  readonly ttlSecurity: number | null;
}

const sessionColumns: readonly Column<BgpStatus['sessions'][number]>[] = [
  { header: 'PEER', value: ({ peer }) => peer },
  { header: 'ADDRESS', value: ({ address }) => address },
  { header: 'AS', value: ({ asNumber }) => asNumber },
  { header: 'TYPE', value: ({ type }) => type },
  { header: 'STATE', value: ({ state }) => state },
  { header: 'SINCE', value: ({ since }) => since },
  { header: 'IMPORTED', value: ({ imported }) => imported },
  { header: 'EXPORTED', value: ({ exported }) => exported },
  { header: 'ERROR', value: ({ error }) => error },
];

const peerColumns: readonly Column<Peer>[] = [
  { header: 'ADDRESS', value: ({ address }) => address },
  { header: 'AS', value: ({ asNumber }) => asNumber },
  { header: 'NODE', value: ({ node }) => node ?? '(all)' },
  { header: 'PASSWORD', value: ({ hasPassword }) => hasPassword },
  { header: 'PASSIVE', value: ({ passive }) => passive },
  { header: 'BFD', value: ({ bfd }) => bfd },
  { header: 'TTL-SECURITY', value: ({ ttlSecurity }) => ttlSecurity },
];

/** `corduroy bgp ...` */
export function defineBgp(bgp: Command, terminal: Terminal): void {
  examples(
    bgp
      .command('status')
      .description("this host's sessions: with whom, since when, and how many routes pass")
      .action(async () => {
        const status = await terminal.client.get<BgpStatus>('/bgp/sessions');
        if (!(await terminal.data(status))) await showStatus(status, terminal);
      }),
    ['corduroy bgp status', 'corduroy bgp status -o json'],
  );
  examples(
    bgp
      .command('mesh')
      .alias('node-mesh')
      .description('whether every node that is no route reflector speaks to every other one')
      .addArgument(new Argument('[state]', 'without one: print it').choices(['on', 'off']))
      .action(async (state: string | undefined) => {
        if (state !== undefined) return change(terminal, { mesh: state === 'on' });
        const { mesh } = await terminal.client.get<Settings>('/bgp');
        if (!(await terminal.data({ mesh }))) terminal.text(`${mesh ? 'on' : 'off'}\n`);
      }),
    ['corduroy bgp mesh', 'corduroy bgp mesh off'],
  );
  examples(
    bgp
      .command('default-as')
      .alias('default-node-as')
      .description('AS number of the nodes that have none of their own')
      .argument('[number]', 'without one: print it', asNumberOf)
      .action(async (defaultAsNumber: number | undefined) => {
        if (defaultAsNumber !== undefined) return change(terminal, { defaultAsNumber });
        const settings = await terminal.client.get<Settings>('/bgp');
        const { defaultAsNumber: present } = settings;
        if (!(await terminal.data({ defaultAsNumber: present }))) terminal.text(`${present}\n`);
      }),
    ['corduroy bgp default-as', 'corduroy bgp default-as 64513'],
  );
  definePeer(bgp.command('peer').description('routers outside the cluster that nodes speak to'), terminal);
}

async function showStatus({ problems, sessions }: BgpStatus, terminal: Terminal): Promise<void> {
  if (sessions.length > 0) await terminal.list(sessions, sessionColumns);
  else if (problems.length === 0) terminal.text('there is nobody to speak to: no other node, and no peer\n');
  for (const problem of problems) terminal.streams.err(`${terminal.paint('yellow', 'warning')}: ${problem}\n`);
}

const change = async (terminal: Terminal, body: Partial<Settings>): Promise<void> =>
  terminal.changed(await terminal.client.call('PATCH', '/bgp', body));

interface PeerOptions {
  readonly node?: string;
  readonly passwordFile?: string;
  readonly passive?: true;
  readonly bfd?: true;
  readonly ttlSecurity?: number;
}

function definePeer(peer: Command, terminal: Terminal): void {
  examples(
    peer
      .command('add <address>')
      .usage('corduroy bgp peer add ADDRESS as NUMBER [OPTIONS]')
      .description('let every node, or one, speak to a router')
      .addArgument(new Argument('<as>', 'the word').choices(['as']))
      .argument('<number>', "the router's AS number", asNumberOf)
      .option('--node <node>', 'this node alone; it tells the router of the others too')
      .option(
        '--password-file <file>',
        'file with the password that both ends share; a line end at its end is left out',
      )
      .option('--passive', 'wait for the router to open the session')
      .option(
        '--bfd',
        'notice its death in less than a second; the router must speak BFD, and be on a network of the nodes unless --ttl-security is 2 or more',
      )
      .option('--ttl-security <hops>', 'drop what comes from further away; the router must do the same', integerOf)
      .action(async (address: string, _as: string, asNumber: number, options: PeerOptions) => {
        const { passwordFile, ...rest } = options;
        const password = passwordFile === undefined ? undefined : await passwordIn(passwordFile);
        const body = { address, asNumber, ...rest, password };
        await terminal.changed(await terminal.client.call('POST', '/bgp/peers', body));
      }),
    [
      'corduroy bgp peer add 10.0.0.1 as 64600',
      'corduroy bgp peer add 10.0.0.1 as 1.10 --node alpha --password-file /etc/corduroy/tor.password',
    ],
  );
  examples(
    peer
      .command('remove <peer>')
      .description('end the sessions with a router, and forget what it told')
      .option('--node <node>', 'the node that alone speaks to it')
      .action(async (address: string, { node }: { node?: string }) => {
        const query = node === undefined ? '' : `?node=${encodeURIComponent(node)}`;
        const path = `/bgp/peers/${encodeURIComponent(address)}${query}`;
        await terminal.changed(await terminal.client.call('DELETE', path));
      }),
    ['corduroy bgp peer remove 10.0.0.1', 'corduroy bgp peer remove 10.0.0.1 --node alpha'],
  );
  examples(
    peer
      .command('list')
      .alias('show')
      .description('every router that was added')
      .action(async () => terminal.list(await terminal.client.get<Peer[]>('/bgp/peers'), peerColumns)),
    ['corduroy bgp peer list'],
  );
}

async function passwordIn(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailure(`cannot read the password in ${file}: ${error.message}`, 'name a file that root may read');
  });
  return text.replace(/\r?\n$/, '');
}
