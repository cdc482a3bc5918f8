import { expect, test } from '@jest/globals';
import { KeyedQueue } from '../../src/model/keyed-queue.js';

test('tasks of one key run one after the other, in order, also after one that failed; others run meanwhile', async () => {
  const queue = new KeyedQueue<string>();
  const log: string[] = [];
  const task = (name: string, failure?: Error) => async () => {
    log.push(`${name} begins`);
    await Promise.resolve();
    log.push(`${name} ends`);
    if (failure) throw failure;
    return name;
  };
  const results = await Promise.allSettled([
    queue.run('a', task('a1', new Error('a1 failed'))),
    queue.run('a', task('a2')),
    queue.run('b', task('b1')),
  ]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
  expect(log.filter((line) => line.startsWith('a'))).toEqual(['a1 begins', 'a1 ends', 'a2 begins', 'a2 ends']);
  expect(log.indexOf('b1 begins')).toBeLessThan(log.indexOf('a2 begins'));
});

test('a task begins at once where nothing of its key is under way, and until it ends its key is busy', async () => {
  const queue = new KeyedQueue<string>();
  let begun = 0;
  const task = async () => ++begun;
  const first = queue.run('a', task);
  const second = queue.run('a', task);
  expect([begun, queue.busy('a'), queue.busy('b')]).toEqual([1, true, false]);
  expect(await Promise.all([first, second])).toEqual([1, 2]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(queue.busy('a')).toBe(false);
});
