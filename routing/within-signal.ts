import { DeadlineExceededError } from '../src/model/errors.js';

/**
 * The work's outcome, unless the signal aborts first. What the work stands for goes on; its later failure is nobody's any
 * more.
 *
 * @param late the sentence for who waited in vain
 * @throws DeadlineExceededError if the signal aborts first, or has aborted
 */
export function withinSignal<T>(work: Promise<T>, signal: AbortSignal | undefined, late: string): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new DeadlineExceededError(late, { cause: signal.reason }));
    const settle = (tell: () => void) => {
      signal.removeEventListener('abort', giveUp);
      tell();
    };
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
    work.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error)),
    );
  });
}
