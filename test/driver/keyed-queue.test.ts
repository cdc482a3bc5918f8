import { expect, test } from '@jest/globals';
import { KeyedQueue } from '../../driver/keyed-queue.js';

test('tasks of one key run one after the other, in order, also after one that failed; others run meanwhile', async () => {
  const queue = new KeyedQueue();
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
