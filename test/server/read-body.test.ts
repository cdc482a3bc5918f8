import { Readable } from 'node:stream';
import { expect, test } from '@jest/globals';
import { readBody } from '../../src/server/read-body.js';

const LIMIT = 10;

test('a body as large as the limit is complete', async () => {
  expect(await readBody(Readable.from([Buffer.from('12345'), Buffer.from('67890')]), LIMIT)).toEqual({
    kind: 'complete',
    text: '1234567890',
  });
});

test('a larger one is read to its end, and its connection is fit for the next request', async () => {
  const body = Readable.from([Buffer.alloc(8), Buffer.alloc(8)]);
  expect(await readBody(body, LIMIT)).toEqual({ kind: 'tooLarge', unread: false });
  expect(body.readableEnded).toBe(true);
});

test('one without an end is given up', async () => {
  const endless = new Readable({
    read() {
      this.push(Buffer.alloc(8));
    },
  });
  expect(await readBody(endless, LIMIT)).toEqual({ kind: 'tooLarge', unread: true });
  expect(endless.isPaused()).toBe(true);
  endless.destroy();
});
