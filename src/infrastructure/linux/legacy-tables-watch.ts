import { createHash } from 'node:crypto';
import type { CommandRunner } from '../../effects/command-runner.js';
import type { Logger } from '../../effects/logger.js';
import { describeError, KernelError } from '../../model/errors.js';
import type { IpFamily } from '../../model/ip-address.js';
import { iptablesTool } from './iptables-restore-packet-filter.js';

/** Between two looks, in ms; longer where looking would take more than a hundredth of the time. */
const LOOK_MS = 500;
const SHARE = 0.01;
/** Between two looks at the kernel's own chains, without which ours do nothing, in ms. */
const HOOKS_MS = 200;

/** Looks at the legacy tables, which tell nobody of their changes, and calls the listener when anybody changed them. */
export function watchLegacyTables(options: {
  readonly runner: CommandRunner;
  readonly families: readonly IpFamily[];
  readonly log: Logger;
  readonly listener: () => void;
  /** Our rules in the kernel's own chains and those around them: cheap to read. */
  readonly hooks: () => Promise<string>;
}): { close(): void } {
  const { runner, families, log, listener, hooks } = options;
  let last: string | undefined;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  const look = async () => {
    const begun = performance.now();
    try {
      const now = await fingerprint(runner, families);
      if (last !== undefined && last !== now && !closed) listener();
      last = now;
    } catch (error) {
      log.debug({ error: describeError(error) }, 'the legacy tables could not be read');
    }
    if (closed) return;
    timer = setTimeout(look, Math.max(LOOK_MS, (performance.now() - begun) / SHARE));
    timer.unref();
  };
  void look();
  let lastHooks: string | undefined;
  let looking = false;
  const hookTimer = setInterval(async () => {
    if (looking) return;
    looking = true;
    const now = await hooks().catch(() => undefined);
    looking = false;
    if (lastHooks !== undefined && now !== undefined && now !== lastHooks && !closed) listener();
    lastHooks = now ?? lastHooks;
  }, HOOKS_MS);
  hookTimer.unref();
  return {
    close: () => {
      closed = true;
      clearInterval(hookTimer);
      clearTimeout(timer);
    },
  };
}

async function fingerprint(runner: CommandRunner, families: readonly IpFamily[]): Promise<string> {
  const hash = createHash('sha256');
  for (const family of families) {
    const program = iptablesTool(family, 'legacy', 'save');
    const { exitCode, stdout, stderr } = await runner.run(program, []);
    if (exitCode !== 0) throw new KernelError(`${program} failed: ${stderr.trim()}; see "corduroy check"`, stderr);
    // Counters and times change by themselves.
    hash.update(stdout.replace(/^#.*$| \[\d+:\d+\]$/gm, ''));
  }
  return hash.digest('base64');
}
