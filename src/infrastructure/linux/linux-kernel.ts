import { readFileSync } from 'node:fs';
import type { CommandRunner } from '../../effects/command-runner.js';
import type { Kernel } from '../../effects/kernel.js';
import type { Logger } from '../../effects/logger.js';
import type { PacketFilterBackend } from '../../effects/packet-filter.js';
import type { Sysctls } from '../../effects/sysctls.js';
import type { IpFamily } from '../../model/ip-address.js';
import { ConntrackTool } from './conntrack-tool.js';
import { ExecaCommandRunner } from './execa-command-runner.js';
import { InteractiveIpSets } from './interactive-ip-sets.js';
import { IpBatchNetworkStack } from './ip-batch-network-stack.js';
import { detectBackend } from './iptables-backend.js';
import { IptablesRestorePacketFilter, iptablesTool } from './iptables-restore-packet-filter.js';
import { watchPacketFilter } from './packet-filter-watch.js';
import { ProcSysctls } from './proc-sysctls.js';
import { ShellRunner } from './shell-runner.js';

export interface LinuxKernelOptions {
  readonly backend: PacketFilterBackend | 'auto';
  readonly log: Logger;
  /** Absent: programs run in this process's own network namespace. */
  readonly runner?: CommandRunner;
  /** Must be those of the namespace that `runner` runs in. */
  readonly sysctls?: Sysctls;
}

/**
 * The kernel of a network namespace, ready to be read and programmed. Changes nothing.
 *
 * @throws KernelError if a tool is missing, saying how to install it
 */
export async function openLinuxKernel(options: LinuxKernelOptions): Promise<Kernel> {
  const { log } = options;
  const runner = options.runner ?? new ExecaCommandRunner();
  const backend = options.backend === 'auto' ? await detectBackend(runner, legacyTableNames()) : options.backend;
  await Promise.all(
    [
      ['ip', '-Version'],
      ['ipset', '--version'],
      ['conntrack', '--version'],
      ['stdbuf', '--version'],
      [`iptables-${backend}-restore`, '--version'],
    ].map(([program, argument]) => runner.run(program as string, [argument as string])),
  );
  const ownSysctls = new ProcSysctls(runner, log);
  const shell = new ShellRunner(runner, log);
  const sysctls = options.sysctls ?? ownSysctls;
  const families = await familiesOf(sysctls, log);
  const lastTable = (await hasSecurityTable(runner, backend, families)) ? 'security' : 'filter';
  const network = new IpBatchNetworkStack(runner, log, families);
  const ipSets = new InteractiveIpSets(runner, log);
  const filter4 = new IptablesRestorePacketFilter(runner, 4, backend, log);
  const filter6 = new IptablesRestorePacketFilter(runner, 6, backend, log);
  const guarded = [
    { table: 'raw', hook: 'PREROUTING' },
    { table: 'mangle', hook: 'FORWARD' },
    { table: 'mangle', hook: 'INPUT' },
    { table: lastTable, hook: 'FORWARD' },
    { table: lastTable, hook: 'INPUT' },
  ] as const;
  const hooks = async () => {
    const filters = families.map((family) => (family === 4 ? filter4 : filter6));
    return (await Promise.all(filters.map((filter) => filter.hookRules(guarded)))).join('\n');
  };
  const filterPids = () => [filter4.helperPid(), filter6.helperPid()].filter((pid) => pid !== undefined);
  return {
    backend,
    lastTable,
    families,
    network,
    ipSets,
    packetFilters: { 4: filter4, 6: filter6 },
    sysctls,
    conntrack: new ConntrackTool(shell, runner, families),
    watchPacketFilter: (listener) =>
      watchPacketFilter({ runner, backend, families, hooks, ourPids: filterPids, log, listener }),
    helperPids: () =>
      [network.helperPids(), filterPids(), ipSets.helperPid(), ownSysctls.helperPid(), shell.helperPid()]
        .flat()
        .filter((pid) => pid !== undefined),
    close: () => {
      for (const part of [network, ipSets, filter4, filter6, ownSysctls, shell]) part.close();
    },
  };
}

/** nf_tables makes it of nothing; the legacy tables need the modules iptable_security and ip6table_security. */
async function hasSecurityTable(
  runner: CommandRunner,
  backend: PacketFilterBackend,
  families: readonly IpFamily[],
): Promise<boolean> {
  const reads = families.map((family) => runner.run(iptablesTool(family, backend, 'save'), ['-t', 'security']));
  return (await Promise.all(reads)).every(({ exitCode }) => exitCode === 0);
}

async function familiesOf(sysctls: Sysctls, log: Logger): Promise<readonly IpFamily[]> {
  if ((await sysctls.list('net/ipv6/conf')).length > 0) return [4, 6];
  log.warn({}, 'this kernel has no IPv6: IPv6 addresses of containers are not served');
  return [4];
}

function legacyTableNames(): string {
  try {
    return readFileSync('/proc/self/net/ip_tables_names', 'utf8');
  } catch {
    return '';
  }
}
