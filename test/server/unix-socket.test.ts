import { existsSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, createServer, request } from 'node:http';
import { createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ConflictError, InvalidRequestError } from '../../src/model/errors.js';
import { listenOnUnixSocket } from '../../src/server/unix-socket.js';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'corduroy-socket-'));
  path = join(directory, 'deep', 'c.sock');
});
afterEach(() => rm(directory, { recursive: true }));

const get = (agent?: Agent): Promise<string> =>
  new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: path, path: '/', ...(agent === undefined ? {} : { agent }) }, (reply) => {
      let text = '';
      reply.on('data', (chunk) => {
        text += chunk;
      });
      reply.on('end', () => resolve(text));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });

test('only its owner may use the socket, and it goes when the server closes', async () => {
  const server = await listenOnUnixSocket(path, (_, reply) => reply.end('here'));
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await get()).toBe('here');
  await server.close();
  expect(existsSync(path)).toBe(false);
});

test('a socket that nobody answers on is replaced', async () => {
  const first = await listenOnUnixSocket(path, (_, reply) => reply.end('first'));
  const dead = createNetServer();
  const abandoned = join(directory, 'deep', 'abandoned');
  await new Promise<void>((resolve) => dead.listen(abandoned, resolve));
  await first.close();
  // As after kill -9: the name stays, and nobody listens.
  renameSync(abandoned, path);
  await new Promise((resolve) => dead.close(resolve));
  expect(existsSync(path)).toBe(true);
  const server = await listenOnUnixSocket(path, (_, reply) => reply.end('second'));
  expect(await get()).toBe('second');
  await server.close();
});

test('a socket that somebody answers on is left alone', async () => {
  const first = await listenOnUnixSocket(path, (_, reply) => reply.end('first'));
  await expect(listenOnUnixSocket(path, () => {})).rejects.toThrow(ConflictError);
  expect(await get()).toBe('first');
  await first.close();
});

test('a file that is no socket is left alone, and a path that is too long is refused', async () => {
  path = join(directory, 'file');
  writeFileSync(path, 'precious');
  await expect(listenOnUnixSocket(path, () => {})).rejects.toThrow(InvalidRequestError);
  expect(existsSync(path)).toBe(true);
  await expect(listenOnUnixSocket(join(directory, 'x'.repeat(120)), () => {})).rejects.toThrow(/longer than 107 bytes/);
});

test('closing answers what is in progress, and does not wait for idle connections', async () => {
  let release: () => void = () => {};
  const began = new Promise<void>((resolve) => {
    release = resolve;
  });
  let finish: () => void = () => {};
  const server = await listenOnUnixSocket(path, (incoming, reply) => {
    if (incoming.headers['x-slow'] === undefined) {
      reply.end('quick');
      return;
    }
    finish = () => reply.end('slow');
    release();
  });
  const agent = new Agent({ keepAlive: true });
  await get(agent);
  const slow = new Promise<string>((resolve, reject) => {
    const outgoing = request({ socketPath: path, path: '/', headers: { 'x-slow': '1' } }, (reply) => {
      reply.on('data', (chunk) => resolve(String(chunk)));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
  await began;
  const closed = server.close();
  finish();
  expect(await slow).toBe('slow');
  await closed;
  agent.destroy();
});

test('a name that another daemon has taken over is not removed', async () => {
  const server = await listenOnUnixSocket(path, (_, reply) => reply.end('old'));
  const successor = createServer((_, reply) => reply.end('new'));
  const aside = join(directory, 'deep', 'aside');
  await new Promise<void>((resolve) => successor.listen(aside, resolve));
  renameSync(aside, path);
  await server.close();
  expect(await get()).toBe('new');
  await new Promise((resolve) => successor.close(resolve));
});
