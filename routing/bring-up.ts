import type { Clock } from '../src/effects/clock.js';
import type { Logger } from '../src/effects/logger.js';
import { describeError, KernelError } from '../src/model/errors.js';

/** Between attempts to start, in ms; after the last the daemon ends, with the sentence that tells why. */
const START_PAUSES_MS = [250, 500, 1_000, 2_000, 4_000];

/**
 * Brings the kernel up to date at the start. While a host boots, others hold the tables' lock or change links under our
 * hands: what the kernel refuses may succeed soon.
 *
 * @throws KernelError if it refuses time and again, or the signal's reason
 */
export async function bringUp(
  attempt: () => Promise<void>,
  { clock, log, signal }: { readonly clock: Clock; readonly log: Logger; readonly signal: AbortSignal },
): Promise<void> {
  for (let count = 1; ; count++) {
    // What is begun after the end would go on for ever.
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      const pauseMs = START_PAUSES_MS[count - 1];
      if (pauseMs === undefined || !(error instanceof KernelError) || signal.aborted) throw error;
      log.warn(
        { error: describeError(error), attempt: count },
        'the kernel could not be brought up to date at the start; tried again',
      );
      await clock.sleep(pauseMs, signal);
    }
  }
}
