import { expect, test } from '@jest/globals';
import { adminCall } from '../lab/admin-call.js';
import { describeInLab } from '../lab/needs.js';
import { E2E_TIMEOUT_MS, eventually, useCorduroy } from './corduroy-host.js';

describeInLab('the command line beside a real engine', () => {
  const corduroy = useCorduroy();

  test(
    'network create and remove do what Docker does, and know the name when they return',
    async () => {
      const lab = corduroy();
      const { host } = lab;
      expect(await host.cord('network', 'create', 'made', '--subnet', '10.70.1.0/24', '-o', 'mtu=1340')).toContain(
        'created network made (10.70.1.0/24)',
      );
      const [inspected] = JSON.parse(await host.docker('network', 'inspect', 'made'));
      expect(inspected).toMatchObject({
        Driver: 'corduroy',
        IPAM: { Driver: 'corduroy', Config: [{ Subnet: '10.70.1.0/24' }] },
        Options: { mtu: '1340' },
      });
      const one = await lab.start('made-1', 'made');
      const two = await lab.start('made-2', 'made');
      expect(await one.reaches(await two.address('made'))).toBe(true);

      const busy = await host.tryCord('network', 'remove', 'made');
      expect(busy.exitCode).toBe(1);
      expect(busy.stderr).toMatch(/active endpoints[\s\S]*try: disconnect or remove the containers on it first/);
      await lab.remove('made-1', 'made-2');
      expect(await host.cord('network', 'remove', 'made')).toContain('removed network made');
      expect((await host.tryDocker('network', 'inspect', 'made')).exitCode).not.toBe(0);

      const twice = await host.tryCord('network', 'create', 'bridge');
      expect({ code: twice.exitCode, err: twice.stderr }).toEqual({
        code: 1,
        err: expect.stringMatching(/^error: network bridge was not made: Docker says: .*bridge/),
      });
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'a pool for some nodes serves this one when its labels fit, and not before',
    async () => {
      const { host } = corduroy();
      const [node] = JSON.parse(await host.cord('node', 'list', '-o', 'json'));
      await host.cord('pool', 'add', '10.90.0.0/16', '--name', 'fast', '--node-selector', 'disk == "ssd"');
      const create = ['network', 'create', 'quick', '--ipam-opt', 'pool=fast'];
      const refused = await host.tryCord(...create);
      expect({ code: refused.exitCode, err: refused.stderr }).toEqual({
        code: 1,
        err: expect.stringMatching(/pool fast is not for node .*does not select it\n {2}try: choose another pool/),
      });
      await host.cord('node', 'set', node.name, '--label', 'disk=ssd');
      expect(await host.cord(...create)).toContain('created network quick (10.90.0.0/24)');
      await host.cord('network', 'remove', 'quick');
      await host.cord('pool', 'remove', 'fast');
      await host.cord('node', 'set', node.name, '--unset-label', 'disk');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'a rule that selects by a label of the container opens to those whose label fits, and denies by it at once',
    async () => {
      const lab = corduroy();
      await lab.network('picked');
      await lab.host.cord('profile', 'picked', 'rule', 'remove', 'inbound', '--at', '1');
      await lab.host.cord('profile', 'picked', 'rule', 'add', 'inbound', `allow from selector 'role == "db"'`);
      const server = await lab.start('picked-server', 'picked');
      const address = await server.address('picked');
      const db = await lab.start('picked-db', 'picked', '--label', 'role=db');
      const web = await lab.start('picked-web', 'picked', '--label', 'role=web');
      expect(
        await eventually(
          () => db.reaches(address),
          (reached) => reached,
        ),
      ).toBe(true);
      expect(await web.reaches(address)).toBe(false);

      await lab.host.cord(
        'profile',
        'picked',
        'rule',
        'add',
        'inbound',
        '--at',
        '1',
        `deny from not selector 'role == "web"'`,
      );
      expect(await db.reaches(address)).toBe(false);
      await lab.remove('picked-server', 'picked-db', 'picked-web');
      await lab.removeNetworks('picked');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'what our own driver refuses comes back with its remedy',
    async () => {
      const { host } = corduroy();
      const { exitCode, stderr } = await host.tryCord('network', 'create', 'bad', '-o', 'colour=red');
      expect({ exitCode, stderr }).toEqual({
        exitCode: 1,
        stderr: expect.stringMatching(/^error: network bad was not made: Docker says: .*colour[\s\S]*\n {2}try: /),
      });
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'diags writes one archive, with a daemon and without, and no secret is in it',
    async () => {
      const lab = corduroy();
      const { host } = lab;
      const secret = 'hunter2-hunter2';
      await adminCall(host, 'POST', '/bgp/peers', { address: '10.99.0.1', asNumber: 64_513, password: secret });
      await lab.network('told');
      await lab.start('told-1', 'told', '--label', `api.token=${secret}`, '--label', `note=${secret}`);
      // The secret is known to the daemon: its own API tells it.
      await eventually(
        async () => JSON.stringify(await adminCall(host, 'GET', '/endpoints')),
        (told) => told.includes(secret),
      );

      const open = async (file: string): Promise<string> => {
        expect(await host.run('stat', '-c', '%a', file)).toBe('600');
        return host.run('tar', '-xzOf', file);
      };
      expect(await host.cord('diags', '--file', '/run/lab/with.tar.gz')).toContain('wrote /run/lab/with.tar.gz');
      const all = await open('/run/lab/with.tar.gz');
      for (const part of [
        'told-1',
        '"note": "(cut)"',
        '64513',
        'cord-fwd',
        'corduroy_',
        'net.ipv4.ip_forward',
        'nodes',
      ]) {
        expect(all).toContain(part);
      }
      expect(all).not.toContain('hunter2');

      await host.stopCorduroy();
      await host.cord('diags', '--file', '/run/lab/without.tar.gz');
      const without = await open('/run/lab/without.tar.gz');
      expect(without).toContain('the daemon is not running');
      expect(without).toContain('cord-fwd');
      expect(without).not.toContain('hunter2');
      const nowhere = await host.tryCord('diags', '--file', '/nowhere/x.tar.gz');
      expect(nowhere).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('name another file with --file') });
      await host.startCorduroy();
      await lab.remove('told-1');
      await lab.removeNetworks('told');
    },
    E2E_TIMEOUT_MS,
  );
});
