import { afterEach, describe, expect, test } from '@jest/globals';
import { uninstallDataplane } from '../../routing/uninstall.js';
import type { CommandRunner } from '../../src/effects/command-runner.js';
import type { Sysctls } from '../../src/effects/sysctls.js';
import { KernelError } from '../../src/model/errors.js';
import { DataplaneLab } from './dataplane-lab.js';
import { moveIntoContainer } from './test-container.js';
import { netnsUnavailable, type TestNamespace } from './test-namespace.js';

const unavailable = netnsUnavailable();
if (unavailable !== undefined) console.warn(`skipped: ${unavailable}`);

const isAboutIpv6 = (words: readonly string[]) => words.some((word) => /^ip6tables|^-6$|^ipv6$/.test(word));
const refusal = (what: string) => new KernelError(`${what}: Address family not supported by protocol`, '');

/** The namespace as a kernel that was booted with ipv6.disable=1 would have it: no settings, and tools that fail. */
function withoutIpv6({ runner, sysctls }: TestNamespace): { runner: CommandRunner; sysctls: Sysctls } {
  return {
    runner: {
      run: (program, args, options) =>
        isAboutIpv6([program, ...args]) ? Promise.reject(refusal(program)) : runner.run(program, args, options),
      start(program, args) {
        if (isAboutIpv6([program, ...args])) throw refusal(program);
        return runner.start(program, args);
      },
    },
    sysctls: {
      write: (settings) =>
        settings.some(({ path }) => path.startsWith('net/ipv6'))
          ? Promise.reject(refusal('net/ipv6'))
          : sysctls.write(settings),
      read: async (paths) =>
        (await sysctls.read(paths)).map((value, i) => (paths[i]?.startsWith('net/ipv6') ? undefined : value)),
      list: (path) => (path.startsWith('net/ipv6') ? Promise.resolve([]) : sysctls.list(path)),
    },
  };
}

(unavailable === undefined ? describe : describe.skip).each(['nft', 'legacy'] as const)('with %s', (backend) => {
  let lab: DataplaneLab;
  const containers: TestNamespace[] = [];
  afterEach(async () => {
    for (const container of containers.splice(0)) await container.dispose();
    await lab.dispose();
  });

  test('a kernel without IPv6 is served with IPv4, and asked nothing of IPv6', async () => {
    lab = await DataplaneLab.create(backend, { host: withoutIpv6 });
    await lab.start();
    for (const number of [2, 3]) {
      const endpoint = await lab.putEndpoint(number);
      await lab.attach(endpoint);
      containers.push(
        await moveIntoContainer(lab.namespace, { ...endpoint, addresses: endpoint.addresses.slice(0, 1) }),
      );
    }
    const [one] = containers;
    expect(await one?.succeeds('busybox', 'ping', '-c', '1', '-W', '1', '10.64.0.3')).toBe(true);
    await lab.dataplane.resync();
    await lab.dataplane.settled();
    expect(lab.dataplane.status()).toMatchObject({ synced: true, repairsTotal: 0, attached: 2 });
    expect(await lab.namespace.exec('ipset', 'save')).not.toContain('inet6');
    expect(await lab.namespace.exec(`ip6tables-${backend}-save`)).not.toContain('cord');
    lab.dataplane.stop();
    await uninstallDataplane(lab.kernel, lab.formerHostSettings);
    expect(await lab.namespace.exec(`iptables-${backend}-save`)).not.toContain('cord');
  });
});
