import { readFileSync } from 'node:fs';
import type { CommandRunner } from '../../effects/command-runner.js';
import type { FilterFacts, HostFacts } from '../../effects/host-facts.js';
import type { PacketFilterBackend } from '../../effects/packet-filter.js';
import { KernelError } from '../../model/errors.js';
import { routesOf, uplinksOf } from './host-links.js';
import { dockerVersion, socketState } from './host-sockets.js';
import { writableSettings } from './proc-sysctls.js';

const TOOLS: readonly (readonly [string, string])[] = [
  ['ip', '-V'],
  ['iptables', '--version'],
  ['ip6tables', '--version'],
  ['iptables-restore', '--version'],
  ['ipset', '--version'],
  ['conntrack', '--version'],
  ['stdbuf', '--version'],
];
/** Where ipset finds the numbers of protocols: in Debian's package netbase, and nowhere in a minimal system. */
const PROTOCOLS = '/etc/protocols';

/** How long Docker may take to say its version, unless the caller cannot wait. */
const DOCKER_TIMEOUT_MS = 2_000;

/** Looks at the host without changing it; the legacy tables are read only where they are loaded, for reading would load them. */
export async function readHostFacts(
  runner: CommandRunner,
  paths: { readonly dockerSocket: string; readonly pluginSocket: string },
  dockerTimeoutMs = DOCKER_TIMEOUT_MS,
): Promise<HostFacts> {
  const legacyLoaded = (readProc('/proc/net/ip_tables_names') ?? '').trim() !== '';
  const [ipset, nftSave, tools, version, legacy, ufw, firewalld, docker, pluginSocket, uplinks, routes4, routes6] =
    await Promise.all([
      outcomeOf(runner, 'ipset', ['list', '-n']),
      outcomeOf(runner, 'iptables-nft-save', []),
      Promise.all(TOOLS.map(async ([tool, argument]) => ((await isInstalled(runner, tool, [argument])) ? '' : tool))),
      run(runner, 'iptables', ['--version']),
      legacyLoaded ? run(runner, 'iptables-legacy-save', []) : undefined,
      run(runner, 'ufw', ['status']),
      run(runner, 'firewall-cmd', ['--state']),
      dockerVersion(paths.dockerSocket, dockerTimeoutMs),
      socketState(paths.pluginSocket),
      run(runner, 'ip', ['-j', 'address', 'show', 'up']),
      run(runner, 'ip', ['-N', '-j', '-4', 'route', 'show', 'table', 'main']),
      run(runner, 'ip', ['-N', '-j', '-6', 'route', 'show', 'table', 'main']),
    ]);
  const nf = readProc('/proc/sys/net/bridge/bridge-nf-call-iptables');
  const rpFilter = readProc('/proc/sys/net/ipv4/conf/all/rp_filter');
  return {
    root: process.getuid?.() === 0,
    netAdmin: hasNetAdmin(readProc('/proc/self/status')),
    kernelRefusals: [
      ...(ipset?.refusal === undefined ? [] : [{ part: 'ipset', reason: ipset.refusal } as const]),
      ...(nftSave?.refusal === undefined ? [] : [{ part: 'nf_tables', reason: nftSave.refusal } as const]),
    ],
    settingsWritable: writableSettings() !== undefined,
    missingTools: [
      ...tools.filter((tool) => tool !== ''),
      ...(/^tcp\s/m.test(readProc(PROTOCOLS) ?? '') ? [] : [PROTOCOLS]),
    ],
    forwarding: {
      ipv4: flagOf(readProc('/proc/sys/net/ipv4/ip_forward')),
      ipv6: flagOf(readProc('/proc/sys/net/ipv6/conf/all/forwarding')),
    },
    rpFilterAll: rpFilter === undefined ? undefined : Number(rpFilter),
    bridgeNfCallIptables: flagOf(nf),
    filters: { nft: filterFacts(nftSave?.output), legacy: filterFacts(legacy) },
    iptablesDefault: backendOf(version),
    activeFirewalls: [
      ...(/^Status: active/m.test(ufw ?? '') ? (['ufw'] as const) : []),
      ...(firewalld?.trim() === 'running' ? (['firewalld'] as const) : []),
    ],
    docker,
    pluginSocket,
    uplinks: uplinksOf(uplinks),
    routes: [...routesOf(routes4), ...routesOf(routes6)],
  };
}

/** Output of a program; undefined if it is not installed or fails. */
async function run(runner: CommandRunner, program: string, args: readonly string[]): Promise<string | undefined> {
  return (await outcomeOf(runner, program, args))?.output;
}

/** What a program prints, or says when it fails; undefined if it is not installed, or does not end in time. */
async function outcomeOf(
  runner: CommandRunner,
  program: string,
  args: readonly string[],
): Promise<{ readonly output?: string; readonly refusal?: string } | undefined> {
  try {
    const { exitCode, stderr, stdout } = await runner.run(program, args, { timeoutMs: 3_000 });
    if (exitCode === 0) return { output: stdout };
    return { refusal: `${stderr}${stdout}`.trim().replaceAll('\n', ' ') || `exit code ${exitCode}` };
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}

/** One that fails is there all the same. */
async function isInstalled(runner: CommandRunner, program: string, args: readonly string[]): Promise<boolean> {
  try {
    await runner.run(program, args, { timeoutMs: 3_000 });
    return true;
  } catch (error) {
    if (error instanceof KernelError) return error.detail !== 'ENOENT';
    throw error;
  }
}

/** CAP_NET_ADMIN is the 12th bit of a process's effective capabilities (capabilities(7)). */
function hasNetAdmin(status: string | undefined): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status ?? '')?.[1];
  return effective === undefined || ((BigInt(`0x${effective}`) >> 12n) & 1n) === 1n;
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

const flagOf = (text: string | undefined): boolean | undefined => (text === undefined ? undefined : text !== '0');

function backendOf(version: string | undefined): PacketFilterBackend | undefined {
  if (version === undefined) return undefined;
  return version.includes('nf_tables') ? 'nft' : 'legacy';
}

/** Others' rules only: ours, with their `cord` names, are no evidence. */
export function filterFacts(saved: string | undefined): FilterFacts | undefined {
  if (saved === undefined) return undefined;
  const filterTable = /^\*filter$([\s\S]*?)^COMMIT$/m.exec(saved)?.[1] ?? '';
  const policy = /^:FORWARD (ACCEPT|DROP)/m.exec(filterTable)?.[1];
  return {
    rules: saved.split('\n').filter((line) => line.startsWith('-A ') && !line.includes('cord')).length,
    docker: /^:DOCKER(-USER|-FORWARD)? /m.test(saved),
    forwardPolicy: policy === 'ACCEPT' || policy === 'DROP' ? policy : undefined,
  };
}
