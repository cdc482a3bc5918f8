/**
 * The promise's own result, or `expired()` thrown after `ms` milliseconds. What the promise stands for goes on; its
 * later failure is nobody's any more and is swallowed.
 */
export function withDeadline<T>(promise: Promise<T>, ms: number, expired: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(expired()), ms);
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

/** How long a call to a datastore may take, in ms: dockerd is answered within 2 s, so this leaves room to undo. */
export const CALL_DEADLINE_MS = 1_500;
