import { createInterface } from 'node:readline';
import type { Clock } from '../../effects/clock.js';
import type { DockerEvent } from '../../effects/docker.js';
import type { Logger } from '../../effects/logger.js';
import { describeError } from '../../model/errors.js';
import { parseEvent } from './engine-answers.js';

/** ms between attempts to reach an engine that is away: the first, and the longest. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

export interface EventStreamOptions {
  /** Opens the stream; rejects while the engine is away. The stream ends when the signal aborts. */
  readonly open: (signal: AbortSignal) => Promise<NodeJS.ReadableStream>;
  readonly isOurs: (driver: string) => boolean;
  readonly listener: (event: DockerEvent) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Follows the engine's events for as long as it is not closed, whatever the engine does. */
export function followEvents(options: EventStreamOptions): { close(): void } {
  const abort = new AbortController();
  void follow(options, abort.signal);
  return { close: () => abort.abort() };
}

async function follow({ open, isOurs, listener, clock, log }: EventStreamOptions, signal: AbortSignal): Promise<void> {
  let pauseMs = FIRST_PAUSE_MS;
  let told: 'nothing' | 'here' | 'away' = 'nothing';
  const tell = (event: DockerEvent): void => {
    try {
      if (!signal.aborted) listener(event);
    } catch (error) {
      log.error({ event, error: describeError(error) }, 'a listener failed on an event of Docker');
    }
  };
  while (!signal.aborted) {
    try {
      const stream = await open(signal);
      if (told === 'away') log.info({}, 'Docker answers again');
      told = 'here';
      pauseMs = FIRST_PAUSE_MS;
      tell({ kind: 'connected' });
      for await (const line of createInterface({ input: stream })) {
        const event = parseEvent(parseJson(line), isOurs);
        if (event !== undefined) tell(event);
      }
      throw new Error('it ended the stream of events');
    } catch (error) {
      if (signal.aborted) return;
      if (told !== 'away') {
        log.warn(
          { error: describeError(error) },
          'Docker does not answer: nothing is freed, and names and labels wait',
        );
      }
      told = 'away';
    }
    await clock.sleep(pauseMs, signal);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
