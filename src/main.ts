import { type RunningDaemon, startDaemon } from './composition/daemon.js';
import type { LoadedConfig } from './config/corduroy-config.js';
import { createLogger } from './infrastructure/json-logger.js';

/** How long work that nobody waits for any more may keep the process alive after the daemon's end. */
const LEFT_OVER_MS = 1_000;

/**
 * Runs the daemon until it is told to end (SIGTERM, SIGINT). One that is told so before it has started ends the process
 * at once: what it waits for may never come, and nobody was promised anything yet.
 *
 * @throws CorduroyError if it cannot start or go on
 */
export async function runDaemon(loaded: LoadedConfig): Promise<void> {
  const { logLevel, logFormat } = loaded.config;
  const log = await createLogger({ level: logLevel, format: logFormat });
  const told = endSignal();
  const first = await Promise.race([told, startDaemon(loaded, log)]);
  if (!isRunning(first)) {
    log.info({ signal: first }, 'stopping before the start was complete; containers keep connectivity and policy');
    process.exit(0);
  }
  try {
    const signal = await Promise.race([told, first.failed]);
    log.info({ signal }, 'stopping; containers keep connectivity and policy');
  } finally {
    await first.stop();
    // For what may wait for a store that does not answer.
    setTimeout(() => process.exit(), LEFT_OVER_MS).unref();
  }
}

const isRunning = (first: NodeJS.Signals | RunningDaemon): first is RunningDaemon => typeof first === 'object';

const endSignal = (): Promise<NodeJS.Signals> =>
  new Promise((resolve) => {
    // Not once: execa's own handler ends the process by the signal unless another listener is still there.
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
  });
