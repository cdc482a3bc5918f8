import type { CommandRunner } from '../../effects/command-runner.js';
import type { TunnelKind } from '../../model/tunnel.js';

/** A link that is made and removed at once; nobody's name, and no rule matches it. */
const PROBE = 'probe.cord';
const OPTIONS: Readonly<Record<TunnelKind, readonly string[]>> = {
  vxlan: ['id', '1', 'dstport', '1'],
  ipip: ['local', '127.0.0.2', 'remote', '127.0.0.3'],
};

/** Whether the kernel has tunnels of the kind; what it is asked to make loads its module, where there is one. */
export async function supportsTunnel(runner: CommandRunner, kind: TunnelKind): Promise<boolean> {
  const { exitCode, stderr } = await runner.run('ip', ['link', 'add', PROBE, 'type', kind, ...OPTIONS[kind]]);
  if (exitCode === 0) await runner.run('ip', ['link', 'del', PROBE]);
  return exitCode === 0 || !/Unknown device type|Operation not supported/.test(stderr);
}
