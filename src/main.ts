import { startDaemon } from './composition/daemon.js';
import type { LoadedConfig } from './config/corduroy-config.js';
import { createLogger } from './infrastructure/json-logger.js';

/** Runs the daemon until it is told to end (SIGTERM, SIGINT). @throws CorduroyError if it cannot start or go on */
export async function runDaemon(loaded: LoadedConfig): Promise<void> {
  const { logLevel, logFormat } = loaded.config;
  const log = await createLogger({ level: logLevel, format: logFormat });
  const told = endSignal();
  const daemon = await startDaemon(loaded, log);
  try {
    const signal = await Promise.race([told, daemon.failed]);
    log.info({ signal }, 'stopping; containers keep connectivity and policy');
  } finally {
    await daemon.stop();
  }
}

const endSignal = (): Promise<NodeJS.Signals> =>
  new Promise((resolve) => {
    // Not once: execa's own handler ends the process by the signal unless another listener is still there.
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
  });
