import { expect, test } from '@jest/globals';
import { describeInLab } from '../lab/needs.js';
import { E2E_TIMEOUT_MS, eventually, useCorduroy } from './corduroy-host.js';
import { kernelView } from './kernel-view.js';

describeInLab('the first path: a network, two containers, and nothing left behind', () => {
  const corduroy = useCorduroy();

  test(
    'containers get routed addresses, reach each other by address and name, and leave no trace',
    async () => {
      const lab = corduroy();
      const before = await kernelView(lab.host);

      await lab.network('first');
      const subnet = await lab.host.docker('network', 'inspect', '-f', '{{(index .IPAM.Config 0).Subnet}}', 'first');
      expect(subnet).toMatch(/^10\.(6[4-9]|7\d)\.\d+\.\d+\/\d+$/);
      const one = await lab.start('first-1', 'first');
      const two = await lab.start('first-2', 'first');
      const [addressOne, addressTwo] = [await one.address('first'), await two.address('first')];
      expect(addressOne).not.toBe(addressTwo);

      expect(await one.reaches(addressTwo)).toBe(true);
      expect(await two.reaches(addressOne)).toBe(true);
      await lab.host.docker('exec', 'first-1', 'ping', '-c', '1', '-W', '2', 'first-2');

      // Routed: a host address in the container, a default route by a link-local gateway, a host route on the host.
      expect(await one.run('ip', '-o', '-4', 'address', 'show', 'eth0')).toContain(`${addressOne}/32`);
      expect(await one.run('ip', 'route')).toMatch(/^default via 169\.254\.\d+\.\d+ dev eth0/);
      expect(await lab.host.run('ip', 'route')).toMatch(new RegExp(`^${addressOne} dev cord[0-9a-f]{11} `, 'm'));

      await lab.remove('first-1', 'first-2');
      await lab.removeNetworks('first');
      await eventually(
        () => kernelView(lab.host),
        (after) => JSON.stringify(after) === JSON.stringify(before),
      ).catch(async () => expect(await kernelView(lab.host)).toEqual(before));
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'a container of another network is not let in, and one of the same network is',
    async () => {
      const lab = corduroy();
      await lab.network('mine');
      await lab.network('theirs');
      const server = await lab.start('mine-server', 'mine');
      const friend = await lab.start('mine-friend', 'mine');
      const stranger = await lab.start('their-stranger', 'theirs');
      await server.serve(8080);
      const address = await server.address('mine');

      expect(await friend.seenBy(address, 8080)).toBe(await friend.address('mine'));
      expect(await stranger.seenBy(address, 8080)).toBe('');
      expect(await stranger.reaches(address)).toBe(false);
      await lab.remove('mine-server', 'mine-friend', 'their-stranger');
      await lab.removeNetworks('mine', 'theirs');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'restart and stop and start of a container keep it reachable by name',
    async () => {
      const lab = corduroy();
      await lab.network('again');
      await lab.start('again-1', 'again');
      await lab.start('again-2', 'again');
      await lab.host.docker('restart', '-t', '1', 'again-2');
      await lab.host.docker('exec', 'again-1', 'ping', '-c', '1', '-W', '2', 'again-2');
      await lab.host.docker('stop', '-t', '1', 'again-2');
      await lab.host.docker('start', 'again-2');
      await lab.host.docker('exec', 'again-1', 'ping', '-c', '1', '-W', '2', 'again-2');
      await lab.remove('again-1', 'again-2');
      await lab.removeNetworks('again');
    },
    E2E_TIMEOUT_MS,
  );
});
