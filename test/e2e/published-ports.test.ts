import { expect, test } from '@jest/globals';
import { hostAddress } from '../lab/address-plan.js';
import { describeInLab } from '../lab/needs.js';
import { Outside } from '../lab/outside.js';
import { E2E_TIMEOUT_MS, useCorduroy } from './corduroy-host.js';

describeInLab('published ports', () => {
  const corduroy = useCorduroy();

  test(
    "-p reaches the container from outside and shows it the client's own address",
    async () => {
      const lab = corduroy();
      await lab.network('shop');
      const server = await lab.start('shop-server', 'shop', '-p', '8080:80');
      await server.serve(80, 81);
      expect(await lab.outside.seenBy(hostAddress(0), 8080)).toBe(Outside.address);
      expect(await lab.outside.seenBy(hostAddress(0), 8081)).toBe('');

      await lab.remove('shop-server');
      expect(await lab.outside.seenBy(hostAddress(0), 8080)).toBe('');
      await lab.removeNetworks('shop');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    "the host itself, and a container by the host's address, reach a published port",
    async () => {
      const lab = corduroy();
      await lab.network('hairpin');
      const server = await lab.start('hairpin-server', 'hairpin', '-p', '8090:80');
      const client = await lab.start('hairpin-client', 'hairpin');
      await server.serve(80);
      expect((await lab.host.try(['busybox', 'nc', '-w', '2', hostAddress(0), '8090'])).stdout).not.toBe('');
      expect(await client.seenBy(hostAddress(0), 8090)).not.toBe('');
      expect(await server.seenBy(hostAddress(0), 8090)).not.toBe('');
      await lab.remove('hairpin-server', 'hairpin-client');
      await lab.removeNetworks('hairpin');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'a port that is taken is refused by name, and free again afterwards',
    async () => {
      const lab = corduroy();
      await lab.network('clash');
      await lab.start('clash-1', 'clash', '-p', '8100:80');
      const refused = await lab.refusal('run', '-d', '--name', 'clash-2', '--net', 'clash', '-p', '8100:80', 'lab:1');
      expect(refused).toContain('8100');
      await lab.remove('clash-1', 'clash-2');
      await lab.start('clash-3', 'clash', '-p', '8100:80');
      await lab.remove('clash-3');
      await lab.removeNetworks('clash');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    '-P gives every exposed port a free host port, told by the command line',
    async () => {
      const lab = corduroy();
      await lab.network('random');
      const server = await lab.start('random-server', 'random', '-P', '--expose', '80');
      await server.serve(80);
      const endpoints = JSON.parse(await lab.host.cord('endpoint', 'list', '--network', 'random', '-o', 'json')) as {
        published: string[];
      }[];
      const published = endpoints.flatMap((endpoint) => endpoint.published);
      const port = Number(/:(\d+)->80/.exec(published.join())?.[1]);
      expect(await lab.outside.seenBy(hostAddress(0), port)).toBe(Outside.address);
      await lab.remove('random-server');
      await lab.removeNetworks('random');
    },
    E2E_TIMEOUT_MS,
  );
});
