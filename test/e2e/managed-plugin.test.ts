import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { LabHost } from '../lab/host.js';
import { Lab } from '../lab/lab.js';
import { describeInLab } from '../lab/needs.js';
import { NEWER_PLUGIN, NEWER_VERSION, PLUGIN, servePlugin } from '../lab/plugin-registry.js';
import { CorduroyLab, E2E_TIMEOUT_MS, eventually } from './corduroy-host.js';
import { EtcdOnHost } from './etcd-on-host.js';
import { Streams } from './streams.js';
import { unixHttp } from './unix-http.js';
import { wholeKernel } from './whole-kernel.js';

/** Of the first test file of a build, which also makes and pushes the plugin. */
const SET_UP_MS = 3 * E2E_TIMEOUT_MS;

const install = (host: LabHost, ...settings: readonly string[]): Promise<string> =>
  host.docker('plugin', 'install', '--alias', 'corduroy', '--grant-all-permissions', PLUGIN, ...settings);

/** The command line that lies in the plugin's own files. */
async function pluginCord(host: LabHost, ...words: readonly string[]): Promise<string> {
  const id = await host.docker('plugin', 'inspect', '-f', '{{.Id}}', 'corduroy');
  return host.run(`/var/lib/docker/plugins/${id}/rootfs/usr/bin/corduroy`, ...words);
}

const status = async (host: LabHost) => JSON.parse(await pluginCord(host, 'status', '-o', 'json'));

const ready = (host: LabHost) =>
  eventually(
    () => status(host).catch((error: unknown) => ({ ready: false, error: String(error) })),
    (now) => now.ready === true,
  );

/** What the plugin's daemon was started with, as NAME=VALUE lines. */
const environmentOfDaemon = (host: LabHost): Promise<string> =>
  host.run('sh', '-c', `tr '\\0' '\\n' <"/proc/$(pgrep -f '^node /opt/corduroy/.* daemon')/environ"`);

const needs = ['docker-registry', 'bird', 'strip'];

describeInLab(
  'the managed plugin, from a registry',
  () => {
    let lab: CorduroyLab;
    let before: readonly string[];
    beforeAll(async () => {
      const up = await Lab.up();
      lab = new CorduroyLab(up, up.host, 'corduroy:latest');
      await servePlugin(lab.host);
      await lab.host.run('sysctl', '-qw', 'net.ipv6.conf.all.forwarding=0');
      before = await wholeKernel(lab.host);
    }, SET_UP_MS);
    afterAll(async () => {
      if (process.env['CORDUROY_LAB_LOGS'] !== undefined) process.stderr.write(`${lab?.host.dockerdLog(400)}\n`);
      await lab?.lab.down();
    }, E2E_TIMEOUT_MS);

    test(
      'it asks for the rights that the manifest names, and runs when they are granted',
      async () => {
        const { host } = lab;
        const asked = await unixHttp(host.path('/run/docker.sock'), 'GET', `/plugins/privileges?remote=${PLUGIN}`);
        expect(JSON.parse(asked.text)).toEqual([
          expect.objectContaining({ Name: 'network', Value: ['host'] }),
          expect.objectContaining({ Name: 'mount', Value: ['/run'] }),
          expect.objectContaining({ Name: 'mount', Value: ['/etc'] }),
          expect.objectContaining({ Name: 'mount', Value: ['proc'] }),
          expect.objectContaining({ Name: 'capabilities', Value: ['CAP_NET_ADMIN'] }),
        ]);
        await install(host, 'CORDUROY_DEFAULT_POOL_IPV4=10.90.0.0/16');
        expect(await ready(host)).toMatchObject({ kernel: { synced: true }, datastore: { kind: 'embedded' } });
        expect(await pluginCord(host, 'pool', 'list')).toContain('10.90.0.0/16');
        // A host's own command line of the same version reaches it just as well.
        expect(await host.cord('status')).toContain('Ready:      yes');
        expect(await environmentOfDaemon(host)).toContain('MALLOC_ARENA_MAX=1');
      },
      E2E_TIMEOUT_MS,
    );

    test(
      'networks, containers, names, a published port and policy work as with the daemon on the host',
      async () => {
        const { host, outside } = lab;
        await lab.network('shop', '--ipv6');
        const server = await lab.start('shop-server', 'shop', '-p', '8080:80');
        const client = await lab.start('shop-client', 'shop');
        await server.serve(80);
        await host.docker('exec', 'shop-client', 'ping', '-c', '1', '-W', '2', 'shop-server');
        const address = await server.address('shop');
        expect(address).toMatch(/^10\.90\./);
        expect(await client.seenBy(address, 80)).toBe(await client.address('shop'));
        expect(await client.reaches(await server.address('shop', 6))).toBe(true);
        expect(await outside.seenBy('10.99.0.11', 8080)).toBe('10.99.0.1');

        await pluginCord(host, 'profile', 'shop', 'rule', 'add', 'inbound', '--at', '1', 'deny', 'icmp');
        expect(await client.reaches(address)).toBe(false);
        await pluginCord(host, 'profile', 'shop', 'rule', 'remove', 'inbound', '--at', '1');
        expect(await client.reaches(address)).toBe(true);
        await lab.remove('shop-server', 'shop-client');
        await lab.removeNetworks('shop');
      },
      E2E_TIMEOUT_MS,
    );

    test(
      'a network that its command line makes is one of the plugin by its full name',
      async () => {
        const { host } = lab;
        await pluginCord(host, 'network', 'create', 'by-command');
        expect(await host.docker('network', 'inspect', '-f', '{{.Driver}} {{.IPAM.Driver}}', 'by-command')).toBe(
          'corduroy:latest corduroy:latest',
        );
        await lab.removeNetworks('by-command');
      },
      E2E_TIMEOUT_MS,
    );

    test(
      'disabled, set, upgraded and enabled under running containers: no packet lost, none let through',
      async () => {
        const { host } = lab;
        const streams = await Streams.start(lab, 'upgrade');
        const refused = await host.tryDocker('plugin', 'disable', 'corduroy');
        expect(refused.stderr).toContain('in use');
        await streams.sendMore(30);
        await host.docker('plugin', 'disable', '-f', 'corduroy');
        await streams.sendMore(50);
        const grants = ['--skip-remote-check', '--grant-all-permissions'];
        await host.docker('plugin', 'set', 'corduroy', 'CORDUROY_MTU=1400');
        await host.docker('plugin', 'upgrade', ...grants, 'corduroy', NEWER_PLUGIN);
        await host.docker('plugin', 'enable', 'corduroy');
        expect(await ready(host)).toMatchObject({
          version: NEWER_VERSION,
          endpoints: { here: 3, attached: 3 },
          networks: 2,
        });
        await streams.sendMore(50);
        expect(await streams.lost()).toEqual({ missing: [], tail: 0 });
        expect(await streams.intruders()).toEqual({});
        // Settings and records were kept, and new containers come under policy.
        expect(await pluginCord(host, 'pool', 'list')).toContain('10.90.0.0/16');
        const later = await lab.start('upgrade-later', 'upgrade');
        expect(await later.run('ip', '-o', 'link', 'show', 'eth0')).toContain('mtu 1400');
        expect(await later.reaches(streams.address)).toBe(true);
        await lab.remove('upgrade-later');
        await streams.end();
      },
      E2E_TIMEOUT_MS,
    );

    test(
      'an engine that is killed and started again finds plugin, networks and containers',
      async () => {
        const { host } = lab;
        await lab.network('reborn');
        await lab.start('reborn-1', 'reborn', '--restart', 'always');
        await lab.start('reborn-2', 'reborn', '--restart', 'always');
        await host.stopDockerd('SIGKILL');
        await host.startDockerd();
        await ready(host);
        await eventually(
          () => host.tryDocker('exec', 'reborn-1', 'ping', '-c', '1', '-W', '1', 'reborn-2'),
          ({ exitCode }) => exitCode === 0,
        );
        await lab.remove('reborn-1', 'reborn-2');
        await lab.removeNetworks('reborn');
      },
      E2E_TIMEOUT_MS,
    );

    test(
      'uninstalled and removed, it leaves rules, sets, routes, links and settings as they were',
      async () => {
        const { host } = lab;
        await host.docker('plugin', 'disable', '-f', 'corduroy');
        expect(await pluginCord(host, 'uninstall')).toContain("nothing of corduroy is left in this host's kernel");
        await host.docker('plugin', 'rm', 'corduroy');
        const after = await wholeKernel(host);
        expect(after.filter((line) => !before.includes(line))).toEqual([]);
        expect(before.filter((line) => !after.includes(line))).toEqual([]);
      },
      E2E_TIMEOUT_MS,
    );

    test(
      'with etcd, set when it is installed, it keeps its records there',
      async () => {
        const { host } = lab;
        const etcd = await EtcdOnHost.start(host);
        const settings = ['CORDUROY_DATASTORE=etcd', 'CORDUROY_ETCD_ENDPOINTS=http://127.0.0.1:2379'];
        await install(host, ...settings);
        expect(await ready(host)).toMatchObject({ datastore: { kind: 'etcd' } });
        await lab.network('kept');
        const one = await lab.start('kept-1', 'kept');
        const keys = [...(await etcd.records()).keys()];
        expect(keys.filter((key) => key.startsWith('/corduroy/v1/endpoint/h1/'))).toHaveLength(1);
        const two = await lab.start('kept-2', 'kept');
        expect(await two.reaches(await one.address('kept'))).toBe(true);
        await lab.remove('kept-1', 'kept-2');
        await lab.removeNetworks('kept');
      },
      E2E_TIMEOUT_MS,
    );
  },
  needs,
);
