import { expect, test } from '@jest/globals';
import { Turns } from '../../routing/turns.js';

test('work is done one after the other, also after one that failed, and each has its own outcome', async () => {
  const turns = new Turns();
  const log: string[] = [];
  const work = (name: string, failure?: Error) => async () => {
    log.push(`${name} begins`);
    await new Promise((resolve) => setImmediate(resolve));
    log.push(`${name} ends`);
    if (failure) throw failure;
    return name;
  };
  const outcomes = [turns.take(work('a', new Error('a failed'))), turns.take(work('b')), turns.take(work('c'))];
  expect(log).toEqual([]);
  expect((await Promise.allSettled(outcomes)).map(({ status }) => status)).toEqual([
    'rejected',
    'fulfilled',
    'fulfilled',
  ]);
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  expect(await outcomes[2]).toBe('c');
});
