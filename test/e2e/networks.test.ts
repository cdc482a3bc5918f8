import { expect, test } from '@jest/globals';
import { describeInLab } from '../lab/needs.js';
import { Outside } from '../lab/outside.js';
import { E2E_TIMEOUT_MS, eventually, useCorduroy } from './corduroy-host.js';

describeInLab('several networks, live changes, and the way out', () => {
  const corduroy = useCorduroy();

  test(
    'a container on two networks reaches the members of both, each by its own interface',
    async () => {
      const lab = corduroy();
      await lab.network('left');
      await lab.network('right');
      const left = await lab.start('left-1', 'left');
      const right = await lab.start('right-1', 'right');
      await lab.host.docker('create', '--name', 'both', '--net', 'left', 'lab:1');
      await lab.host.docker('network', 'connect', 'right', 'both');
      await lab.host.docker('start', 'both');
      const both = await lab.host.container('both');

      expect(await both.reaches(await left.address('left'))).toBe(true);
      expect(await both.reaches(await right.address('right'))).toBe(true);
      expect(await right.reaches(await both.address('right'))).toBe(true);
      expect(await left.reaches(await both.address('left'))).toBe(true);
      expect(await left.reaches(await right.address('right'))).toBe(false);
      await lab.remove('left-1', 'right-1', 'both');
      await lab.removeNetworks('left', 'right');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'connect and disconnect of a running container change what it reaches, at once',
    async () => {
      const lab = corduroy();
      await lab.network('home');
      await lab.network('visited');
      const guest = await lab.start('guest', 'home');
      const resident = await lab.start('resident', 'visited');
      const address = await resident.address('visited');
      expect(await guest.reaches(address)).toBe(false);

      await lab.host.docker('network', 'connect', 'visited', 'guest');
      expect(await guest.reaches(address)).toBe(true);
      await lab.host.docker('exec', 'guest', 'ping', '-c', '1', '-W', '2', 'resident');

      await lab.host.docker('network', 'disconnect', 'visited', 'guest');
      expect(await guest.reaches(address)).toBe(false);
      await lab.host.docker('network', 'connect', 'visited', 'guest');
      expect(await guest.reaches(address)).toBe(true);
      await lab.remove('guest', 'resident');
      await lab.removeNetworks('home', 'visited');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    "what leaves for the outside has the host's address, or its own with nat-outgoing=false",
    async () => {
      const lab = corduroy();
      const echo = await lab.outside.probe('echo', '7100');
      await lab.network('natted');
      await lab.network('plain', '-o', 'nat-outgoing=false', '--subnet', '10.67.1.0/24');
      await lab.outside.addRoute('10.67.1.0/24', 0);
      const natted = await lab.start('natted-1', 'natted');
      const plain = await lab.start('plain-1', 'plain');
      const senders = [
        await natted.probe('send', Outside.address, '7100'),
        await plain.probe('send', Outside.address, '7100'),
      ];
      for (const sender of senders) {
        while ((await sender.report()).received < 5) await new Promise((resolve) => setTimeout(resolve, 20));
        await sender.stop();
      }
      const { sources } = await echo.stop();
      expect(new Set(Object.keys(sources))).toEqual(new Set([await plain.address('plain'), '10.99.0.11']));
      await lab.remove('natted-1', 'plain-1');
      await lab.removeNetworks('natted', 'plain');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'an --internal network reaches its own members and nothing else',
    async () => {
      const lab = corduroy();
      await lab.network('inner', '--internal', '--subnet', '10.67.2.0/24');
      await lab.outside.addRoute('10.67.2.0/24', 0);
      const one = await lab.start('inner-1', 'inner');
      const two = await lab.start('inner-2', 'inner');
      expect(await one.reaches(await two.address('inner'))).toBe(true);
      expect(await one.run('ip', 'route')).not.toContain('default');
      expect(await one.reaches(Outside.address)).toBe(false);
      // Not even with a route made inside the container.
      await one.run('ip', 'route', 'replace', 'default', 'dev', 'eth0', 'onlink', 'via', '169.254.1.1');
      expect(await one.reaches(Outside.address)).toBe(false);
      expect(await lab.outside.reaches(await one.address('inner'))).toBe(false);
      await lab.remove('inner-1', 'inner-2');
      await lab.removeNetworks('inner');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'flags that Docker keeps to itself and that are in vain are told afterwards',
    async () => {
      const lab = corduroy();
      await lab.network('inside', '--internal');
      await lab.network('beside');
      await lab.start('publisher', 'inside', '-p', '8080:80');
      await lab.start('forger', 'beside', '--link-local-ip', '169.254.34.68');
      const told = async (): Promise<readonly string[]> =>
        JSON.parse(await lab.host.cord('status', '-o', 'json')).findings.map(({ kind }: { kind: string }) => kind);
      await eventually(told, (kinds) => kinds.length === 2);
      expect((await told()).toSorted()).toEqual(['link-local-address', 'ports-not-published']);
      await lab.host.docker('network', 'connect', 'beside', 'publisher');
      await lab.remove('forger');
      await eventually(told, (kinds) => kinds.length === 0);
      await lab.remove('publisher');
      await lab.removeNetworks('inside', 'beside');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    "-o mtu is the MTU of the container's interface",
    async () => {
      const lab = corduroy();
      await lab.network('small', '-o', 'mtu=1340');
      const one = await lab.start('small-1', 'small');
      expect(await one.run('ip', '-o', 'link', 'show', 'eth0')).toContain('mtu 1340');
      await lab.remove('small-1');
      await lab.removeNetworks('small');
    },
    E2E_TIMEOUT_MS,
  );
});
