import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import type { CommandRunner } from '../../../src/effects/command-runner.js';
import { silentLogger } from '../../../src/effects/logger.js';
import { BirdDaemon } from '../../../src/infrastructure/bird/bird-daemon.js';
import { KernelError } from '../../../src/model/errors.js';

const scratch = mkdtempSync(join(tmpdir(), 'corduroy-bird-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const daemonWith = (run: CommandRunner['run'], directory = join(scratch, 'bird')) => {
  const runner: CommandRunner = {
    run,
    start: () => {
      throw new Error('nothing is started');
    },
  };
  return new BirdDaemon({ directory, runner, families: [4, 6], log: silentLogger });
};
const saying = (stderr: string) => async () => ({ exitCode: 0, stdout: '', stderr });

test('a host without BIRD is told how to get it, and how to do without', async () => {
  const daemon = daemonWith(async () => {
    throw new KernelError('bird is not installed', 'ENOENT');
  });
  await expect(daemon.prepare()).rejects.toThrow(
    /^routeDistribution bgp needs BIRD 2, and it is not installed; install it with "apt-get install bird2", or set routeDistribution to none$/,
  );
});

test.each([
  ['BIRD version 2.0.12\n', undefined],
  ['BIRD version 2.17.1\n', undefined],
  ['BIRD version 1.6.8\n', /this is "BIRD version 1\.6\.8"; install/],
  ['BIRD version 3.1.7\n', /this is "BIRD version 3\.1\.7"; install/],
])('%j', async (version, refusal) => {
  const prepared = daemonWith(saying(version)).prepare();
  if (refusal === undefined) await expect(prepared).resolves.toBeUndefined();
  else await expect(prepared).rejects.toThrow(refusal);
});

test.each([`/${'x'.repeat(100)}/bird`, '/with space/bird', '/with"quote/bird'])(
  'its files cannot lie in %s',
  async (directory) => {
    await expect(daemonWith(saying('BIRD version 2.0.12'), directory).prepare()).rejects.toThrow(
      /; set dataDir to a path of at most \d+ bytes without spaces and quotation marks$/,
    );
  },
);

test('where its files cannot be written, it is told before anything depends on it', async () => {
  writeFileSync(join(scratch, 'file'), '');
  const inAFile = daemonWith(saying('BIRD version 2.0.12'), join(scratch, 'file/bird'));
  await expect(inAFile.prepare()).rejects.toThrow(/cannot be written into .*ENOTDIR: .*; see that root can/);
});

test('where it never ran there is nothing to retire', async () => {
  await expect(daemonWith(saying(''), '/nowhere/bird').retire()).resolves.toBeUndefined();
});

/** Where BIRD runs with a control socket, as a process does, and nobody knows its pid. */
class BirdWithoutPid {
  readonly directory = mkdtempSync(join(scratch, 'pidless-'));
  starts = 0;
  #server: Server | undefined;

  run: CommandRunner['run'] = async (program, args) => {
    if (program === 'bird' && !args.includes('-p')) await this.#start();
    return { exitCode: 0, stdout: '', stderr: '' };
  };

  async #start(): Promise<void> {
    this.starts++;
    const server = createServer((socket) => {
      socket.write('0001 BIRD 2.0.12 ready.\n');
      socket.on('data', (command: Buffer) => {
        const ends = command.toString() === 'graceful restart\n';
        if (ends) server.close();
        socket.write(ends ? '0025 Graceful restart requested\n' : '0003 Reconfigured\n', () => ends && socket.end());
      });
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(join(this.directory, 'bird.ctl'), resolve));
  }

  close(): void {
    this.#server?.close();
  }
}

test('one whose pid file is gone is started anew all the same, when that is wanted', async () => {
  const bird = new BirdWithoutPid();
  const daemon = daemonWith(bird.run, bird.directory);
  expect(await daemon.run(() => '', 'live')).toBe('started');
  expect(await daemon.run(() => '', 'live')).toBe('reconfigured');
  expect(await daemon.run(() => '', 'anew')).toBe('started');
  expect(bird.starts).toBe(2);
  daemon.release();
  bird.close();
});
