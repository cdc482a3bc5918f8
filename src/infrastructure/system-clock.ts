import { setTimeout } from 'node:timers/promises';
import type { Clock } from '../effects/clock.js';

export const systemClock: Clock = {
  now: () => new Date(),
  async sleep(ms, signal) {
    const options = signal === undefined ? { ref: false } : { ref: false, signal };
    // An aborted sleep is a short one, not a failure.
    await setTimeout(ms, undefined, options).catch(() => undefined);
  },
};
