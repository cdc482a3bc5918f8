import { expect, test } from '@jest/globals';
import { describeInLab } from '../lab/needs.js';
import { E2E_TIMEOUT_MS, useCorduroy } from './corduroy-host.js';

describeInLab('policy by profiles', () => {
  const corduroy = useCorduroy();

  test(
    'a rule of the command line is in force when the command returns, for established connections too',
    async () => {
      const lab = corduroy();
      await lab.network('ruled');
      const server = await lab.start('ruled-server', 'ruled');
      const client = await lab.start('ruled-client', 'ruled');
      await server.serve(80, 81);
      const address = await server.address('ruled');
      const echo = await server.probe('echo', '7200');
      const sender = await client.probe('send', address, '7200');
      while ((await sender.report()).received < 5) await new Promise((resolve) => setTimeout(resolve, 20));

      await lab.host.cord('profile', 'ruled', 'rule', 'add', 'inbound', '--at', '1', 'deny', 'udp');
      const reached = (await echo.report()).received;
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect((await echo.report()).received).toBe(reached);
      await lab.host.cord(
        'profile',
        'ruled',
        'rule',
        'add',
        'inbound',
        '--at',
        '1',
        'deny',
        'tcp',
        'to',
        'ports',
        '80',
      );
      expect(await client.seenBy(address, 80)).toBe('');
      expect(await client.seenBy(address, 81)).not.toBe('');

      await lab.host.cord('profile', 'ruled', 'rule', 'remove', 'inbound', '--at', '1');
      expect(await client.seenBy(address, 80)).not.toBe('');
      await sender.stop();
      await echo.stop();
      await lab.remove('ruled-server', 'ruled-client');
      await lab.removeNetworks('ruled');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'profiles come from driver-opt at once, and from container labels as soon as Docker tells them',
    async () => {
      const lab = corduroy();
      await lab.network('zoned');
      await lab.host.cord('profile', 'add', 'WEB');
      await lab.host.cord('profile', 'add', 'DB');
      await lab.host.cord(
        'profile',
        'DB',
        'rule',
        'add',
        'inbound',
        'allow',
        'tcp',
        'from',
        'tag',
        'WEB',
        'to',
        'ports',
        '5432',
      );
      const db = await lab.start('zoned-db', 'name=zoned,driver-opt=corduroy.profiles=DB');
      await db.serve(5432, 5433);
      const web = await lab.start('zoned-web', 'name=zoned,driver-opt=corduroy.profiles=WEB');
      const labelled = await lab.start('zoned-labelled', 'zoned', '--label', 'corduroy.profiles=WEB');
      const other = await lab.start('zoned-other', 'zoned');
      const address = await db.address('zoned');

      expect(await web.seenBy(address, 5432)).toBe(await web.address('zoned'));
      expect(await web.seenBy(address, 5433)).toBe('');
      expect(await other.seenBy(address, 5432)).toBe('');
      const deadline = Date.now() + 5_000;
      while ((await labelled.seenBy(address, 5432)) === '' && Date.now() < deadline);
      expect(await labelled.seenBy(address, 5432)).toBe(await labelled.address('zoned'));
      await lab.remove('zoned-db', 'zoned-web', 'zoned-labelled', 'zoned-other');
      await lab.removeNetworks('zoned');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'container NAME profile set moves a running container to other rules',
    async () => {
      const lab = corduroy();
      await lab.network('moved');
      await lab.host.cord('profile', 'add', 'CLOSED');
      await lab.host.cord('profile', 'CLOSED', 'rule', 'remove', 'inbound', '--at', '1');
      const server = await lab.start('moved-server', 'moved');
      const client = await lab.start('moved-client', 'moved');
      await server.serve(80);
      const address = await server.address('moved');
      expect(await client.seenBy(address, 80)).not.toBe('');

      await lab.host.cord('container', 'moved-server', 'profile', 'set', 'CLOSED');
      expect(await client.seenBy(address, 80)).toBe('');
      await lab.host.cord('container', 'moved-server', 'profile', 'set', 'moved');
      expect(await client.seenBy(address, 80)).not.toBe('');
      await lab.remove('moved-server', 'moved-client');
      await lab.removeNetworks('moved');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'a container cannot use an address or a MAC that is not its own',
    async () => {
      const lab = corduroy();
      await lab.network('masked', '--subnet', '10.67.3.0/24');
      const server = await lab.start('masked-server', 'masked');
      const liar = await lab.start('masked-liar', 'masked');
      const count = await server.probe('count', '7300');
      const address = await server.address('masked');
      await liar.run('ip', 'address', 'add', '10.67.3.200/32', 'dev', 'eth0');
      await liar.run('ip', 'route', 'replace', `${address}/32`, 'via', await gatewayOf(liar), 'src', '10.67.3.200');
      const sender = await liar.probe('send', address, '7300');
      while ((await sender.report()).sent < 20) await new Promise((resolve) => setTimeout(resolve, 20));
      await sender.stop();
      expect((await count.stop()).sources).toEqual({});
      await lab.remove('masked-server', 'masked-liar');
      await lab.removeNetworks('masked');
    },
    E2E_TIMEOUT_MS,
  );
});

async function gatewayOf(container: { run(...words: string[]): Promise<string> }): Promise<string> {
  const route = await container.run('ip', 'route', 'show', 'default');
  return route.split(' ')[2] ?? '';
}
