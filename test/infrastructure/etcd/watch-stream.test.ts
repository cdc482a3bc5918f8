import { EventEmitter } from 'node:events';
import { expect, test } from '@jest/globals';
import type { IWatchRequest } from 'etcd3';
import type { Change } from '../../../src/effects/datastore.js';
import { PrefixStream } from '../../../src/infrastructure/etcd/watch-stream.js';

/** etcd's end of one stream, as far as it speaks: it confirms, reports progress when asked, or is silent. */
class FakeStream extends EventEmitter {
  readonly requests: IWatchRequest[] = [];
  cancelled = false;
  revision = 10;
  answers: 'everything' | 'progress' | 'nothing' = 'everything';

  write(request: IWatchRequest): void {
    this.requests.push(request);
    if (request.create_request !== undefined && this.answers === 'everything') this.respond({ created: true });
    if (request.progress_request !== undefined && this.answers !== 'nothing') this.respond({});
  }

  respond(response: object): void {
    const header = { revision: String(this.revision) };
    queueMicrotask(() =>
      this.emit('data', { header, created: false, canceled: false, compact_revision: '0', events: [], ...response }),
    );
  }

  end(): void {}
  cancel(): void {
    this.cancelled = true;
  }
}

const event = (type: 'Put' | 'Delete', key: string, revision: number) => ({
  type,
  kv: { key: Buffer.from(key), value: Buffer.from('v'), mod_revision: String(revision) },
});

async function aStream(prepare: (fake: FakeStream) => void = () => undefined) {
  const fake = new FakeStream();
  prepare(fake);
  const changes: Change[] = [];
  const stream = new PrefixStream({
    stream: fake as never,
    prefixes: ['/corduroy/v1/a/', '/corduroy/v1/c/'],
    from: 11,
    createdWithinMs: 40,
    onChanges: (some) => changes.push(...some),
  });
  let reason: string | undefined;
  void stream.ended.then((why) => {
    reason = why;
  });
  await settle();
  return { fake, stream, changes, reason: () => reason };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('it asks for the range that holds the prefixes, and hands on their changes alone, in order', async () => {
  const { fake, changes } = await aStream();
  expect(fake.requests).toEqual([
    {
      create_request: {
        key: Buffer.from('/corduroy/v1/a/'),
        range_end: Buffer.from('/corduroy/v1/c0'),
        start_revision: 11,
      },
    },
  ]);
  fake.revision = 12;
  const between = ['/corduroy/v1/b/x', '/corduroy/v1/a', '/corduroy/v1/c'].map((key) => event('Put', key, 11));
  const wanted = [event('Put', '/corduroy/v1/c/x', 11), event('Delete', '/corduroy/v1/a/x', 12)];
  fake.respond({ events: [...between, ...wanted] });
  await settle();
  expect(changes).toEqual([
    { kind: 'put', key: '/corduroy/v1/c/x', value: 'v', revision: 11 },
    { kind: 'delete', key: '/corduroy/v1/a/x', revision: 12 },
  ]);
});

test.each([
  [
    'an error',
    (fake: FakeStream) => fake.emit('error', new Error('14 UNAVAILABLE: read ECONNRESET')),
    /^read ECONNRESET$/,
  ],
  ['its end', (fake: FakeStream) => fake.emit('end'), /closed the stream/],
  [
    'a compaction',
    (fake: FakeStream) => fake.respond({ canceled: true, compact_revision: '99' }),
    /compacted up to 99/,
  ],
  ['being cancelled', (fake: FakeStream) => fake.respond({ canceled: true, cancel_reason: 'no leader' }), /no leader/],
])('%s ends it, and nothing is handed on after', async (_, happen, expected) => {
  const { fake, changes, reason } = await aStream();
  happen(fake);
  await settle();
  expect(reason()).toMatch(expected);
  expect(fake.cancelled).toBe(true);
  fake.respond({ events: [event('Put', '/corduroy/v1/a/x', 11)] });
  await settle();
  expect(changes).toEqual([]);
});

test('a watch that etcd does not confirm in time is given up', async () => {
  const { stream } = await aStream((fake) => {
    fake.answers = 'progress';
  });
  expect(await stream.ended).toMatch(/did not confirm the watch within 40 ms/);
});

test('a stream that fell silent is given up at the second check; one that reports progress is kept', async () => {
  const { fake, stream, reason } = await aStream();
  for (const revision of [20, 30, 40]) {
    fake.revision = revision;
    stream.expect(revision);
    await settle();
  }
  expect(reason()).toBeUndefined();
  fake.answers = 'nothing';
  stream.expect(50);
  await settle();
  expect(reason()).toBeUndefined();
  stream.expect(60);
  await settle();
  expect(reason()).toBe('nothing came up to revision 50');
});
