import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes in use from which a pause of some tenths of a second is worth what it gives back. */
const LARGE_HEAP = 128 * 1024 * 1024;

/** Gives back what nobody has any more, if the heap is a large one. @returns whether it is */
export function collectGarbage(largeHeap = LARGE_HEAP): boolean {
  if (process.memoryUsage().heapUsed < largeHeap) return false;
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  return true;
}

/**
 * As collectGarbage, and keeps the heap near its size from then on: reading the cluster's records makes ten times as much
 * garbage as it keeps, and V8 would let the heap grow to twice what is in use.
 */
export function settleMemory(largeHeap = LARGE_HEAP): void {
  // Not from the start: while the heap grows, it would be collected over and over.
  if (collectGarbage(largeHeap)) setFlagsFromString('--optimize-for-size');
}
