import { expect, test } from '@jest/globals';
import { describeInLab } from '../lab/needs.js';
import { E2E_TIMEOUT_MS, useCorduroy } from './corduroy-host.js';

describeInLab('addresses a user chooses', () => {
  const corduroy = useCorduroy();

  test(
    '--ip and --mac-address are what the container has, and a taken --ip is refused',
    async () => {
      const lab = corduroy();
      await lab.network('fixed', '--subnet', '10.66.0.0/24');
      // New command lines send --mac-address in a way that old engines do not know, so the engine is asked directly.
      const wish = {
        Image: 'lab:1',
        MacAddress: '02:42:ac:11:00:99',
        HostConfig: { NetworkMode: 'fixed' },
        NetworkingConfig: { EndpointsConfig: { fixed: { IPAMConfig: { IPv4Address: '10.66.0.77' } } } },
      };
      const post = ['curl', '-sf', '--unix-socket', '/run/docker.sock', '-H', 'Content-Type: application/json'];
      const create = 'http://x/v1.41/containers/create?name=fixed-1';
      await lab.host.run(...post, '-d', JSON.stringify(wish), create);
      await lab.host.docker('start', 'fixed-1');
      const one = await lab.host.container('fixed-1');
      expect(await one.address('fixed')).toBe('10.66.0.77');
      expect(await one.run('ip', '-o', 'link', 'show', 'eth0')).toContain('02:42:ac:11:00:99');
      const two = await lab.start('fixed-2', 'fixed');
      expect(await two.reaches('10.66.0.77')).toBe(true);

      expect(await lab.refusal('run', '--rm', '--net', 'fixed', '--ip', '10.66.0.77', 'lab:1', 'true')).toContain(
        '10.66.0.77',
      );
      await lab.remove('fixed-1', 'fixed-2');
      await lab.removeNetworks('fixed');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'a dual-stack network gives both families, --ip6 is honoured, and both carry traffic',
    async () => {
      const lab = corduroy();
      await lab.network('dual', '--ipv6', '--subnet', '10.66.1.0/24', '--subnet', 'fd80:c0de:0:66::/64');
      const one = await lab.start('dual-1', 'dual', '--ip6', 'fd80:c0de:0:66::77');
      const two = await lab.start('dual-2', 'dual');
      expect(await one.address('dual', 6)).toBe('fd80:c0de:0:66::77');
      expect(await two.reaches('fd80:c0de:0:66::77')).toBe(true);
      expect(await one.reaches(await two.address('dual', 6))).toBe(true);
      expect(await one.reaches(await two.address('dual'))).toBe(true);
      await lab.remove('dual-1', 'dual-2');
      await lab.removeNetworks('dual');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    '--ip-range bounds the addresses, --aux-address and --gateway are never given, exhaustion tells numbers',
    async () => {
      const lab = corduroy();
      const range = ['--subnet', '10.66.2.0/24', '--ip-range', '10.66.2.8/30'];
      await lab.network('ranged', ...range, '--aux-address', 'router=10.66.2.9', '--gateway', '10.66.2.10');
      await lab.start('ranged-1', 'ranged');
      const given = [await (await lab.host.container('ranged-1')).address('ranged')];
      let refusal = '';
      for (let n = 2; n <= 4 && refusal === ''; n++) {
        const tried = await lab.host.tryDocker('run', '-d', '--name', `ranged-${n}`, '--net', 'ranged', 'lab:1');
        if (tried.exitCode === 0) given.push(await (await lab.host.container(`ranged-${n}`)).address('ranged'));
        else refusal = tried.stderr;
      }
      expect(given.every((address) => /^10\.66\.2\.(8|11)$/.test(address))).toBe(true);
      expect(new Set(given).size).toBe(given.length);
      expect(refusal).toMatch(/10\.66\.2\.8\/30/);

      expect(await lab.refusal('run', '--rm', '--net', 'ranged', '--ip', '10.66.2.9', 'lab:1', 'true')).toContain(
        '10.66.2.9',
      );
      await lab.remove(...(await lab.host.docker('ps', '-aq')).split('\n'));
      await lab.removeNetworks('ranged');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'several subnets on one network: addresses from each, and they reach one another',
    async () => {
      const lab = corduroy();
      await lab.network('several', '--subnet', '10.66.3.0/24', '--subnet', '10.66.4.0/24');
      const one = await lab.start('several-1', 'several', '--ip', '10.66.3.5');
      const two = await lab.start('several-2', 'several', '--ip', '10.66.4.5');
      expect(await one.reaches('10.66.4.5')).toBe(true);
      expect(await two.reaches('10.66.3.5')).toBe(true);
      await lab.remove('several-1', 'several-2');
      await lab.removeNetworks('several');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    "with Docker's own IPAM driver a network works on one host",
    async () => {
      const lab = corduroy();
      await lab.host.docker('network', 'create', '-d', 'corduroy', 'docker-ipam');
      const one = await lab.start('docker-ipam-1', 'docker-ipam');
      const two = await lab.start('docker-ipam-2', 'docker-ipam');
      expect(await one.reaches(await two.address('docker-ipam'))).toBe(true);
      await lab.host.docker('exec', 'docker-ipam-2', 'ping', '-c', '1', '-W', '2', 'docker-ipam-1');
      await lab.remove('docker-ipam-1', 'docker-ipam-2');
      await lab.removeNetworks('docker-ipam');
    },
    E2E_TIMEOUT_MS,
  );

  test.each([
    { flags: ['--subnet', '10.64.0.0/11'], says: /overlap/ },
    { flags: ['--subnet', '10.99.0.0/24'], says: /10\.99\.0\.0\/24/ },
    { flags: ['-o', 'colour=red'], says: /option "colour" is unknown/ },
    { flags: ['-o', 'mtu=huge'], says: /mtu/ },
    { flags: ['--ipam-opt', 'pool=nowhere'], says: /nowhere/ },
  ])(
    'network create $flags is refused and leaves nothing',
    async ({ flags, says }) => {
      const lab = corduroy();
      const before = await lab.host.docker('network', 'ls', '-q');
      const create = ['network', 'create', '-d', 'corduroy', '--ipam-driver', 'corduroy'];
      expect(await lab.refusal(...create, ...flags, 'refused')).toMatch(says);
      expect(await lab.host.docker('network', 'ls', '-q')).toBe(before);
      await lab.network('accepted');
      await lab.removeNetworks('accepted');
    },
    E2E_TIMEOUT_MS,
  );
});
