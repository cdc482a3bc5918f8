import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { CorduroyLab, E2E_TIMEOUT_MS, eventually } from '../e2e/corduroy-host.js';
import { Streams } from '../e2e/streams.js';
import { wholeKernel } from '../e2e/whole-kernel.js';
import { Lab } from '../lab/lab.js';
import { describeInLab } from '../lab/needs.js';

// build/test/long/ -> the project
const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));

/** The commands of a section of docs/install.md, those that go over several lines as one. */
function commandsOf(section: string): readonly string[] {
  const page = readFileSync(`${PROJECT}docs/install.md`, 'utf8');
  const [, text = ''] = page.split(`\n## ${section}\n`);
  const blocks = (text.split('\n## ')[0] ?? '').matchAll(/```sh\n(.*?)```/gs);
  return Array.from(blocks, ([, block = '']) => block.replaceAll('\\\n', ' ').trim().split('\n')).flat();
}

describeInLab('Corduroy in a container, as docs/install.md says', () => {
  let lab: CorduroyLab;
  let before: readonly string[];
  const commands = commandsOf('As a container');
  const command = (beginning: string): string => {
    const found = commands.find((line) => line.startsWith(beginning));
    if (found === undefined) throw new Error(`docs/install.md has no "${beginning} ..."`);
    return found;
  };
  const say = (line: string) => lab.host.run('bash', '-ec', line);
  const ready = () =>
    eventually(
      () => lab.host.tryDocker('exec', 'corduroy', 'corduroy', 'status'),
      ({ stdout }) => /^Ready: +yes$/m.test(stdout),
      E2E_TIMEOUT_MS,
    );

  beforeAll(async () => {
    await execa(`${PROJECT}packaging/image.sh`, ['bundle', `${PROJECT}build/image`]);
    lab = new CorduroyLab(await Lab.up());
    await lab.host.run('sysctl', '-qw', 'net.ipv6.conf.all.forwarding=0');
    before = await wholeKernel(lab.host);
    await lab.host.docker('build', '-q', '-t', 'corduroy', `${PROJECT}build/image`);
  }, 3 * E2E_TIMEOUT_MS);
  afterAll(async () => {
    if (process.env['CORDUROY_LAB_LOGS'] !== undefined) {
      const { stdout } = (await lab?.host.tryDocker('logs', 'corduroy')) ?? {};
      process.stderr.write(`${stdout}\n${lab?.host.dockerdLog(100)}\n`);
    }
    await lab?.lab.down();
  }, E2E_TIMEOUT_MS);

  test(
    'it gives containers a network, and policy',
    async () => {
      await say(command('mkdir '));
      await say(command('docker run -d --name corduroy '));
      await ready();
      await say(command('docker network create '));
      expect(await say(command('docker exec corduroy corduroy status'))).toContain('Networks:');
      const server = await lab.start('server', 'web', '-p', '8080:80', '--restart', 'always');
      const client = await lab.start('client', 'web', '--restart', 'always');
      await server.serve(80);
      expect(await client.seenBy(await server.address('web'), 80)).toBe(await client.address('web'));
      expect(await lab.outside.seenBy('10.99.0.11', 8080)).toBe('10.99.0.1');
      const cord = (...words: readonly string[]) => lab.host.docker('exec', 'corduroy', 'corduroy', ...words);
      await cord('profile', 'web', 'rule', 'add', 'inbound', '--at', '1', 'deny', 'icmp');
      expect(await client.reaches(await server.address('web'))).toBe(false);
      await cord('profile', 'web', 'rule', 'remove', 'inbound', '--at', '1');
      expect(await client.reaches(await server.address('web'))).toBe(true);
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'replaced by another under running containers, no packet is lost and none let through',
    async () => {
      const streams = await Streams.start(lab, 'upgrade');
      await streams.sendMore(50);
      await lab.host.docker('rm', '-f', 'corduroy');
      await streams.sendMore(50);
      await say(command('docker run -d --name corduroy '));
      await ready();
      await streams.sendMore(50);
      expect(await streams.lost()).toEqual({ missing: [], tail: 0 });
      expect(await streams.intruders()).toEqual({});
      await streams.end();
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'an engine that is started again brings it back, and then the containers',
    async () => {
      await lab.host.stopDockerd();
      await lab.host.startDockerd();
      await ready();
      // Docker may have tried them before it.
      await lab.host.docker('start', 'server', 'client');
      await eventually(
        () => lab.host.tryDocker('exec', 'client', 'ping', '-c', '1', '-W', '1', 'server'),
        ({ exitCode }) => exitCode === 0,
        E2E_TIMEOUT_MS,
      );
    },
    3 * E2E_TIMEOUT_MS,
  );

  test(
    'uninstalled, it leaves rules, sets, routes, links and settings as they were',
    async () => {
      await lab.remove('server', 'client');
      await lab.removeNetworks('web');
      await say(command('docker rm -f corduroy'));
      expect(await say(command('docker run --rm '))).toContain("nothing of corduroy is left in this host's kernel");
      const after = await wholeKernel(lab.host);
      expect(after.filter((line) => !before.includes(line))).toEqual([]);
      expect(before.filter((line) => !after.includes(line))).toEqual([]);
    },
    E2E_TIMEOUT_MS,
  );
}, ['bird', 'strip']);
