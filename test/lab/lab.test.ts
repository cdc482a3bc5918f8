import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Lab } from './lab.js';
import { describeInLab } from './needs.js';
import { Outside } from './outside.js';
import { TEST_IMAGE } from './test-image.js';

describeInLab('a lab with one host and a real engine', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.up();
  });
  afterAll(() => lab.down());

  test("containers on Docker's own bridge reach each other by name, and are gone when removed", async () => {
    const { host } = lab;
    await host.docker('network', 'create', 'plain');
    await host.docker('run', '-d', '--name', 'one', '--net', 'plain', TEST_IMAGE);
    await host.docker('run', '-d', '--name', 'two', '--net', 'plain', TEST_IMAGE);

    await host.docker('exec', 'one', 'ping', '-c', '1', '-W', '2', 'two');
    const [one, two] = [await host.container('one'), await host.container('two')];
    expect(await one.reaches(await two.address('plain'))).toBe(true);

    await host.docker('rm', '-f', 'one', 'two');
    await host.docker('network', 'rm', 'plain');
    expect(await host.docker('ps', '-aq')).toBe('');
  });

  test('numbered packets are counted at both ends, and a rule that drops them shows as missing numbers', async () => {
    const { host, outside } = lab;
    const echo = await outside.probe('echo', '7000');
    await host.docker('run', '-d', '--name', 'sender', TEST_IMAGE);
    const sender = await (await host.container('sender')).probe('send', Outside.address, '7000', '200');
    const arrived = async (count: number) => {
      const before = (await sender.report()).received;
      while ((await sender.report()).received < before + count) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    await arrived(10);
    await outside.run('iptables', '-I', 'INPUT', '-p', 'udp', '-j', 'DROP');
    const blocked = (await sender.report()).sent;
    while ((await sender.report()).sent < blocked + 20) await new Promise((resolve) => setTimeout(resolve, 20));
    await outside.run('iptables', '-D', 'INPUT', '1');
    await arrived(10);
    const [sent, echoed] = [await sender.stop(), await echo.stop()];

    expect(sent.missingCount).toBeGreaterThanOrEqual(10);
    expect(echoed.missingCount).toBeGreaterThanOrEqual(10);
    expect(Object.keys(echoed.sources)).toEqual(['10.99.0.11']);
    await host.docker('rm', '-f', 'sender');
  });

  test('a server in a container tells who connects, and is gone with its container', async () => {
    const { host, outside } = lab;
    await host.docker('run', '-d', '--name', 'server', TEST_IMAGE);
    await host.docker('run', '-d', '--name', 'client', TEST_IMAGE);
    const [server, client] = [await host.container('server'), await host.container('client')];
    await server.serve(80, 81);
    const address = await server.address('bridge');

    expect(await client.seenBy(address, 80)).toBe(await client.address('bridge'));
    expect(await client.seenBy(address, 82)).toBe('');
    await outside.addRoute('172.17.0.0/16', 0);
    await host.run('iptables', '-I', 'DOCKER-USER', '-j', 'ACCEPT');
    expect(await outside.seenBy(address, 81)).toBe(Outside.address);
    await host.docker('rm', '-f', 'server', 'client');
    expect(await host.run('busybox', 'ps')).not.toContain('tcp-server');
  });

  test('with live-restore a container outlives a killed engine; without it, the next start ends it', async () => {
    const { host } = lab;
    await host.stopDockerd('SIGTERM');
    await host.startDockerd({ settings: { 'live-restore': true } });
    await host.docker('run', '-d', '--name', 'survivor', TEST_IMAGE);
    const running = () => host.docker('inspect', '-f', '{{.State.Running}}', 'survivor');

    await host.stopDockerd('SIGKILL');
    await host.startDockerd({ settings: { 'live-restore': true } });
    expect(await running()).toBe('true');

    await host.stopDockerd('SIGKILL');
    await host.startDockerd();
    expect(await running()).toBe('false');
  });
});

describeInLab('the end of a lab', () => {
  test('leaves no process, no control group and no file', async () => {
    const lab = await Lab.up();
    await lab.host.docker('run', '-d', TEST_IMAGE);
    const { pid, dir } = lab.host;
    await lab.down();

    await expect(readdir(dir)).rejects.toThrow('ENOENT');
    await expect(readdir(`/proc/${pid}`)).rejects.toThrow('ENOENT');
    const groups = await readdir('/sys/fs/cgroup', { recursive: false });
    for (const group of ['.', ...groups]) {
      const names = await readdir(`/sys/fs/cgroup/${group}`).catch(() => []);
      expect(names.filter((name) => name.startsWith(`corduroy-lab-${process.pid}-`) && name.endsWith('-2'))).toEqual(
        [],
      );
    }
  });
});
