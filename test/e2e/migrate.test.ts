import { expect, test } from '@jest/globals';
import type { LabHost } from '../lab/host.js';
import { describeInLab } from '../lab/needs.js';
import { E2E_TIMEOUT_MS, eventually, useCorduroy } from './corduroy-host.js';
import { EtcdOnHost } from './etcd-on-host.js';
import { Streams } from './streams.js';

const ETCD = ['--datastore', 'etcd', '--etcd-endpoints', 'http://127.0.0.1:2379'];

/** What the host has in tunnels, or null. */
const tunnelAddressOf = (host: LabHost) => async (): Promise<string | null> =>
  (JSON.parse(await host.cord('node', 'show', host.name, '-o', 'json')) as { readonly tunnelIp: string | null })
    .tunnelIp;

describeInLab('a host that moves its records to etcd and back', () => {
  const corduroy = useCorduroy();

  test(
    'keeps its containers, its policy and its addresses, and loses no packet',
    async () => {
      const lab = corduroy();
      const { host } = lab;
      await EtcdOnHost.start(host);
      const streams = await Streams.start(lab, 'kept');
      const container = await lab.start('before', 'kept');
      const taken = await container.address('kept');
      const check = async () => expect((await host.tryCord('ipam', 'check')).stdout).toContain(': 0 findings');
      const beside = await host.tryCord('migrate', '--to', 'etcd');
      expect([beside.exitCode, beside.stderr]).toEqual([1, expect.stringContaining('the daemon runs')]);

      await host.stopCorduroy();
      const there = await host.cord('migrate', '--to', 'etcd', ...ETCD.slice(2));
      expect(there).toMatch(/moved \d+ records from the embedded datastore in \S+ to etcd at \S+, and compared them:/);
      expect(there).toMatch(/ {2}endpoint +4\n/);
      expect(there).toContain('next: set datastore: etcd and etcd.endpoints: http://127.0.0.1:2379');

      // The old store is not to be gone on with.
      await expect(host.startCorduroy()).rejects.toThrow();
      expect(host.corduroyLog()).toMatch(/were moved to etcd at .*; use that one, or bring them back with/);
      await host.startCorduroy({ arguments: ETCD });
      await check();
      const after = await lab.start('after', 'kept');
      expect(await after.address('kept')).not.toBe(taken);
      expect(await after.reaches(taken)).toBe(true);
      await lab.remove('before');
      await host.cord('pool', 'add', '10.98.0.0/16', '--encap', 'vxlan');
      await lab.network('tunnelled', '--subnet', '10.98.0.0/24');
      const inTunnels = await lab.start('in-tunnels', 'tunnelled');
      const tunnelAddress = await eventually(tunnelAddressOf(host), (address) => address !== null);

      await host.stopCorduroy('SIGKILL');
      const early = await host.tryCord('migrate', '--to', 'embedded', ...ETCD.slice(2));
      expect([early.exitCode, early.stderr]).toEqual([1, expect.stringContaining('daemons use etcd at')]);
      await new Promise((resolve) => setTimeout(resolve, 14_000));
      await host.cord('migrate', '--to', 'embedded', ...ETCD.slice(2));
      await host.startCorduroy();
      await check();
      expect(await host.cord('endpoint', 'list', '-o', 'json')).not.toContain('"before"');
      expect(await after.reaches(streams.address)).toBe(true);
      expect(await tunnelAddressOf(host)()).toBe(tunnelAddress);
      const later = await lab.start('later', 'tunnelled');
      expect(await later.reaches(await inTunnels.address('tunnelled'))).toBe(true);
      await lab.remove('in-tunnels', 'later');
      await lab.removeNetworks('tunnelled');
      await host.cord('pool', 'remove', '10.98.0.0/16');
      await eventually(tunnelAddressOf(host), (address) => address === null);
      await check();
      expect([await streams.lost(), await streams.intruders()]).toEqual([{ missing: [], tail: 0 }, {}]);
      await lab.remove('after');
      await streams.end();
    },
    2 * E2E_TIMEOUT_MS,
  );
}, ['etcd', 'etcdctl']);
