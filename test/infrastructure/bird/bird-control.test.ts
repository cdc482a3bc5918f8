import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { BirdControl } from '../../../src/infrastructure/bird/bird-control.js';

let folder: string;
let path: string;
let server: Server | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cord-bird-'));
  path = join(folder, 'ctl');
});
afterEach(async () => {
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
  rmSync(folder, { recursive: true });
});

const listen = (answer: (socket: Socket) => void): Promise<void> =>
  new Promise((resolve) => {
    server = createServer((socket) => {
      socket.on('error', () => {});
      answer(socket);
    }).listen(path, resolve);
  });
const opened = async (): Promise<BirdControl> => {
  const control = await BirdControl.open(path);
  if (control === undefined) throw new Error('nobody listens');
  return control;
};

test('where nobody listens there is no connection', async () => {
  expect(await BirdControl.open(path)).toBeUndefined();
});

test('answers come whole, in order, however they are cut into packets', async () => {
  await listen((socket) => {
    socket.write('0001 BIRD 2.0.12 ready.\n');
    socket.on('data', () => {
      for (const part of ['1002-mesh_a', ' BGP\n1006-  Channel ipv4\n  ', '   Routes\n00', '00 \n']) socket.write(part);
    });
  });
  const control = await opened();
  const answer = await control.command('show protocols all');
  expect(answer).toEqual([
    { code: 1002, text: 'mesh_a BGP' },
    { code: 1006, text: '  Channel ipv4' },
    { code: 1006, text: '    Routes' },
    { code: 0, text: '' },
  ]);
  control.close();
});

test('BIRD that ends fails what waits for it, and is told of', async () => {
  await listen((socket) => {
    socket.write('0001 BIRD 2.0.12 ready.\n');
    socket.on('data', () => socket.destroy());
  });
  const control = await opened();
  await expect(control.command('show status')).rejects.toThrow('BIRD ended before it answered');
  await control.closed;
  await expect(control.command('show status')).rejects.toThrow('BIRD has ended');
});

test('somebody else on the socket is not taken for BIRD', async () => {
  await listen((socket) => socket.write('9999 hello\n'));
  await expect(BirdControl.open(path)).rejects.toThrow("is not BIRD's control socket");
});
