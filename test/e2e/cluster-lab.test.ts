import { expect, test } from '@jest/globals';
import { describeInLab } from '../lab/needs.js';
import { CLUSTER_TOOLS, useCorduroyCluster } from './corduroy-cluster.js';
import { E2E_TIMEOUT_MS, eventually } from './corduroy-host.js';

const nodesSeenBy = async (host: { cord(...words: string[]): Promise<string> }) =>
  (JSON.parse(await host.cord('node', 'list', '-o', 'json')) as { name: string; ip: string }[]).map(
    ({ name, ip }) => `${name} ${ip}`,
  );

describeInLab(
  'three hosts in two racks, and an etcd of three members',
  () => {
    const cluster = useCorduroyCluster({ hosts: 3, fabric: 'routed', members: 3, security: 'certificates' });

    test('each daemon knows every host and its address', async () => {
      for (const { host } of cluster().nodes) {
        expect(await nodesSeenBy(host)).toEqual(['h1 10.99.1.11', 'h2 10.99.2.12', 'h3 10.99.1.13']);
      }
    });

    test('the etcd goes on without its leader', async () => {
      const { etcd } = cluster();
      const leader = await etcd.leader();
      await leader.kill();
      await eventually(
        () => etcd.leader().catch(() => undefined),
        (next) => next !== undefined && next !== leader,
      );
      await etcd.revive();
    });

    test(
      'a cable that is cut and put back, another address, a power failure',
      async () => {
        const { lab } = cluster();
        const [one, two] = [cluster().node(0), cluster().node(1)];
        const reaches = async (address: string) =>
          (await one.host.try(['busybox', 'ping', '-c', '1', '-W', '1', address])).exitCode === 0;
        expect(await reaches('10.99.2.12')).toBe(true);
        await lab.cut(two.host);
        expect(await reaches('10.99.2.12')).toBe(false);
        await lab.heal(two.host);
        expect(await reaches('10.99.2.12')).toBe(true);

        await lab.changeAddress(two.host, '10.99.2.112');
        expect([await reaches('10.99.2.12'), await reaches('10.99.2.112')]).toEqual([false, true]);

        await two.host.docker('create', '--name', 'kept', 'lab:1');
        await lab.crash(two.host);
        expect(await reaches('10.99.2.112')).toBe(false);
        await cluster().reboot(two);
        expect(await reaches('10.99.2.112')).toBe(true);
        expect(await two.host.docker('ps', '-a', '--format', '{{.Names}}')).toBe('kept');
        expect(await nodesSeenBy(two.host)).toContain('h2 10.99.2.112');
      },
      E2E_TIMEOUT_MS,
    );
  },
  CLUSTER_TOOLS,
);
