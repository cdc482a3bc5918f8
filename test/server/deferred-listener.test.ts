import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { DeferredListener } from '../../src/server/deferred-listener.js';
import { listenOnUnixSocket } from '../../src/server/unix-socket.js';
import { unixHttp } from '../e2e/unix-http.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'corduroy-deferred-'));
});
afterEach(() => rm(directory, { recursive: true }));

test('requests that come before there is anybody to answer them are answered, bodies and all', async () => {
  const path = join(directory, 'socket');
  const calls = new DeferredListener();
  const server = await listenOnUnixSocket(path, calls.listener);
  const early = unixHttp(path, 'POST', '/early', { name: 'web' });
  const pending = await Promise.race([early, new Promise((resolve) => setTimeout(() => resolve('waits'), 50))]);
  expect(pending).toBe('waits');
  calls.answerWith(async (request, reply) => {
    let body = '';
    for await (const part of request) body += part;
    reply.end(`${request.url} ${body}`);
  });
  expect((await early).text).toBe('/early {"name":"web"}');
  expect((await unixHttp(path, 'GET', '/later')).text).toBe('/later ');
  await server.close();
});

test('a start that fails leaves nobody waiting', async () => {
  const path = join(directory, 'socket');
  const server = await listenOnUnixSocket(path, new DeferredListener().listener);
  const early = unixHttp(path, 'GET', '/early').then(
    () => 'answered',
    (error: Error) => (error.cause as NodeJS.ErrnoException).code,
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  await server.close(0);
  expect(await early).toBe('ECONNRESET');
});
