import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RunningCommand } from '../../src/effects/command-runner.js';
import { startIn, TestNamespace } from './test-namespace.js';

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

let folder: string;
let namespace: TestNamespace;
let daemon: RunningCommand;
let log = '';

const at = (name: string): string => join(folder, name);
const flags = () =>
  ['--data-dir', at('data'), '--plugin-socket', at('plugin.sock'), '--admin-socket', at('admin.sock')].concat([
    ...['--docker-socket', at('docker.sock'), '--metrics-listen', '127.0.0.1:9465', '--log-format', 'json'],
  ]);

const cord = async (words: string) => {
  const { exitCode, stdout, stderr } = await namespace.runner.run(process.execPath, [
    MAIN,
    '--socket',
    at('admin.sock'),
    ...words.split(' '),
  ]);
  return { code: exitCode, out: stdout, err: stderr };
};

/** Polls, because what is waited for happens in another process. */
async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what} did not come true; the daemon's log:\n${log}`);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cord-daemon-'));
  namespace = await TestNamespace.create('daemon');
  daemon = namespace.runner.start(process.execPath, [MAIN, 'daemon', ...flags()]);
  for (const stream of [daemon.stdout, daemon.stderr]) stream.on('data', (part) => (log += String(part)));
  await until('the daemon is ready', () => log.includes('"msg":"ready"'));
});
afterAll(async () => {
  daemon?.kill();
  await daemon?.ended;
  await namespace?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

test('status, pools and the seed example against a real daemon', async () => {
  expect(await cord('status')).toMatchObject({ code: 0, out: expect.stringMatching(/^Ready: {6}yes$/m) });
  expect(await cord('pool list')).toMatchObject({ code: 0, out: expect.stringContaining('10.64.0.0/12') });
  expect(await cord('profile add WEB')).toMatchObject({ code: 0 });
  expect(await cord('profile WEB rule add inbound allow tcp to ports 80,443')).toMatchObject({ code: 0 });
  expect(await cord('profile WEB rule show')).toEqual({
    code: 0,
    out: 'Inbound rules:\n   1 allow from tag WEB\n   2 allow tcp to ports 80,443\nOutbound rules:\n   1 allow\n',
    err: '',
  });
  expect(await cord('ipam check')).toMatchObject({ code: 0, out: expect.stringContaining('0 findings') });
  expect(await cord('check')).toMatchObject({ code: 0, out: expect.stringContaining('plugin.sock answers') });
});

test('figures and readiness are served where the setting says', async () => {
  const fetched = (path: string) =>
    namespace.exec(process.execPath, '-e', `fetch('http://127.0.0.1:9465${path}').then(r=>r.text()).then(console.log)`);
  expect(JSON.parse(await fetched('/readyz'))).toEqual({ status: 'ready', problems: [] });
  expect(await fetched('/metrics')).toMatch(/corduroy_kernel_apply_duration_seconds_count\{outcome="ok"\} [1-9]/);
});

test('a second daemon on the same socket is refused before it changes anything', async () => {
  const { exitCode, stderr } = await namespace.runner.run(process.execPath, [MAIN, 'daemon', ...flags()]);
  expect({ exitCode, stderr }).toEqual({
    exitCode: 1,
    stderr: expect.stringMatching(/a corduroy daemon is running already/),
  });
});

test('a daemon that cannot have what its settings name says so in one sentence, and ends', async () => {
  const file = at('a-file');
  writeFileSync(file, 'not: [yaml');
  const own = ['--data-dir', at('other'), '--plugin-socket', at('p2.sock'), '--admin-socket', at('a2.sock')];
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [['--admin-socket', join(file, 'x.sock')], 1, /^error: the directory of the socket .* cannot be made .*: choose/],
    [['--admin-socket', at('x'.repeat(110))], 1, /is longer than 107 bytes: choose a shorter one/],
    [['--data-dir', file], 1, /^error: the datastore in .* cannot be opened: .*; see that the directory/],
    [
      ['--data-dir', '/proc/x'],
      1,
      /^error: the datastore in \/proc\/x\/datastore cannot be opened: .*; see that the dir/,
    ],
    [['--admin-socket', '/proc/x/y.sock'], 1, /^error: the directory of the socket .* cannot be made .*: choose/],
    [['--data-dir', at('data')], 1, /is in use: another corduroy daemon runs on this host; stop it, or set dataDir/],
    [['--metrics-listen', '127.0.0.1:9465'], 1, /^error: metricsListen: .* cannot be listened on: .*; choose another/],
    [['--config', file], 2, /^error: .*a-file is not YAML/],
    [['--config', folder], 2, /^error: cannot read the configuration file .*\n {2}try: name a file that can be read/],
  ];
  for (const [more, code, says] of cases) {
    const { exitCode, stderr } = await namespace.runner.run(process.execPath, [MAIN, 'daemon', ...own, ...more]);
    const errors = stderr.split('\n').filter((line) => !line.startsWith('{'));
    expect([more, exitCode, errors.join('\n')]).toEqual([more, code, expect.stringMatching(says)]);
    expect([at('p2.sock'), at('a2.sock')].filter(existsSync)).toEqual([]);
  }
}, 60_000);

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s while etcd keeps it waiting ends it at once, with 0',
  async (signal) => {
    const silent =
      "net.createServer(() => console.log('asked')).listen(23790, '127.0.0.1', () => console.log('listens'))";
    const etcd = startIn(namespace, process.execPath, '-e', silent);
    await until('somebody listens', () => etcd.lines.includes('listens'));
    const own = ['--data-dir', at('other'), '--plugin-socket', at('p2.sock'), '--admin-socket', at('a2.sock')];
    const store = ['--datastore', 'etcd', '--etcd-endpoints', 'http://127.0.0.1:23790', '--log-format', 'json'];
    const waiting = startIn(namespace, process.execPath, MAIN, 'daemon', ...own, ...store);
    await until('it asks', () => etcd.lines.includes('asked'));
    const begun = performance.now();
    process.kill(waiting.pid, signal);
    expect(await waiting.ended).toMatch(/ended with exit code 0$/);
    expect(performance.now() - begun).toBeLessThan(1_000);
    etcd.kill();
    await etcd.ended;
  },
  30_000,
);

test('told to end, it ends with 0, leaves no socket, and leaves its rules', async () => {
  process.kill(daemon.pid, 'SIGTERM');
  await until('the daemon has said goodbye', () =>
    log.includes('"msg":"stopping; containers keep connectivity and policy"'),
  );
  expect(await daemon.ended).toMatch(/ended with exit code 0$/);
  expect([at('plugin.sock'), at('admin.sock')].filter(existsSync)).toEqual([]);
  expect(await namespace.exec('iptables-nft-save')).toContain('cord-');
});
