import { setImmediate as nextTurn } from 'node:timers/promises';

/** Records that are read in one turn of the event loop: some milliseconds of work. */
const STEP = 100;

/** As `map`, for lists of any length: calls that wait have their turn in between. */
export async function mapInSteps<T, R>(items: readonly T[], map: (item: T) => R): Promise<readonly R[]> {
  const results: R[] = [];
  for (const item of items) {
    if (results.length > 0 && results.length % STEP === 0) await nextTurn();
    results.push(map(item));
  }
  return results;
}
