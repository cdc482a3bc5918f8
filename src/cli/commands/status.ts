import type { Command } from 'commander';
import { EXIT } from '../failure.js';
import { examples } from '../help-text.js';
import type { Terminal } from '../terminal.js';
import type { BgpStatus } from './bgp.js';

interface Status {
  readonly node: string;
  readonly version: string;
  readonly startedAt: string;
  readonly ready: boolean;
  readonly problems: readonly string[];
  readonly datastore: { readonly kind: string; readonly state: string; readonly reason: string | null };
  readonly kernel: {
    readonly backend: string;
    readonly synced: boolean;
    readonly lastResyncAt: string | null;
    readonly lastResyncMs: number | null;
    readonly repairsTotal: number;
    readonly repairs: readonly { readonly at: string; readonly what: string; readonly detail: string }[];
  };
  readonly docker: {
    readonly answers: boolean;
    readonly reason: string | null;
    readonly lastLookAt: string | null;
    readonly freedEndpoints: number;
  };
  readonly findings: readonly { readonly kind: string; readonly subject: string; readonly message: string }[];
  readonly endpoints: { readonly here: number; readonly attached: number; readonly cluster: number };
  readonly bgp: BgpStatus | null;
  readonly networks: number;
  readonly profiles: number;
  readonly nodes: number;
  readonly goneNodes: readonly string[];
  readonly badRecords: readonly { readonly key: string; readonly problem: string }[];
}

/** Repairs that are shown; -o json has all that the daemon keeps. */
const SHOWN_REPAIRS = 5;

/** `corduroy status`: exit 1 while new containers would not get their network. */
export function defineStatus(status: Command, terminal: Terminal): void {
  examples(
    status.action(async () => {
      const found = await terminal.client.get<Status>('/status');
      if (!found.ready) terminal.exitCode = EXIT.failed;
      if (!(await terminal.data(found))) terminal.text(formatStatus(found, terminal));
    }),
    ['corduroy status', 'corduroy status -o json'],
  );
}

function formatStatus(status: Status, terminal: Terminal): string {
  const { datastore, kernel, docker, endpoints } = status;
  const good = (text: string): string => terminal.paint('green', text);
  const bad = (text: string): string => terminal.paint('red', text);
  const lines: [string, string][] = [
    ['Node', `${status.node} (corduroy ${status.version}, started ${status.startedAt})`],
    ['Ready', status.ready ? good('yes') : bad('no')],
    [
      'Datastore',
      `${datastore.kind}, ${datastore.state === 'connected' ? good('connected') : bad(`unavailable: ${datastore.reason}`)}`,
    ],
    [
      'Kernel',
      `iptables-${kernel.backend}, ${kernel.synced ? good('in step') : bad('not in step')}${lastLook(kernel)}`,
    ],
    ...bgpLines(status.bgp, good, bad),
    ['Docker', docker.answers ? good('answers') : bad(`does not tell: ${docker.reason}`)],
    ['Endpoints', `${endpoints.here} here (${endpoints.attached} attached), ${endpoints.cluster} in all`],
    ['Networks', String(status.networks)],
    ['Profiles', String(status.profiles)],
    ['Nodes', `${status.nodes}${status.goneNodes.length === 0 ? '' : bad(`, gone: ${status.goneNodes.join(', ')}`)}`],
    ['Repairs', String(kernel.repairsTotal)],
    ...kernel.repairs
      .slice(-SHOWN_REPAIRS)
      .map(({ at, what, detail }): [string, string] => ['', `${at} ${what} ${detail}`]),
    ...status.problems.map((problem): [string, string] => ['Problem', bad(problem)]),
    ...(status.bgp?.problems ?? []).map((problem): [string, string] => ['BGP', bad(problem)]),
    ...status.findings.map(({ subject, message }): [string, string] => ['Finding', bad(`${subject}: ${message}`)]),
    ...status.badRecords.map(({ problem }): [string, string] => ['Bad record', bad(problem)]),
  ];
  return lines.map(([name, text]) => `${(name === '' ? '' : `${name}:`).padEnd(12)}${text}\n`).join('');
}

type Paint = (text: string) => string;

/** How many sessions are up, and those that are not. */
function bgpLines(bgp: BgpStatus | null, good: Paint, bad: Paint): [string, string][] {
  if (bgp === null) return [];
  const down = bgp.sessions.filter(({ state }) => state !== 'established');
  const count = `${bgp.sessions.length - down.length} of ${bgp.sessions.length} sessions established`;
  return [
    ['BGP', down.length === 0 ? good(count) : bad(count)],
    ...down.map(({ peer, address, state, error }): [string, string] => [
      '',
      `${peer === address ? address : `${peer} (${address})`} ${state}${error === null ? '' : `: ${error}`}`,
    ]),
  ];
}

const lastLook = ({ lastResyncAt, lastResyncMs }: Status['kernel']): string =>
  lastResyncAt === null ? '' : `, compared ${lastResyncAt} in ${lastResyncMs} ms`;
