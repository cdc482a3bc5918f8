import type { ClusterView } from '../../effects/cluster-view.js';

/** Waits until the view's records fulfil the condition. False: they do not, after that many milliseconds. */
export function until(
  view: Pick<ClusterView, 'subscribe'>,
  condition: () => boolean,
  limitMs: number,
): Promise<boolean> {
  if (condition()) return Promise.resolve(true);
  return new Promise((resolve) => {
    const end = (verdict: boolean): void => {
      clearTimeout(timer);
      unsubscribe();
      resolve(verdict);
    };
    const unsubscribe = view.subscribe(() => {
      if (condition()) end(true);
    });
    const timer = setTimeout(() => end(condition()), limitMs);
  });
}
