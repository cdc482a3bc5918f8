import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Kernel } from '../../../src/effects/kernel.js';
import { silentLogger } from '../../../src/effects/logger.js';
import { openLinuxKernel } from '../../../src/infrastructure/linux/linux-kernel.js';
import type { InterfaceName } from '../../../src/model/ids.js';
import type { IpAddress } from '../../../src/model/ip-address.js';
import type { IpSetMember, IpSetName } from '../../../src/model/ip-set.js';
import type { MacAddress } from '../../../src/model/mac-address.js';
import type { Route } from '../../../src/model/route.js';
import { netnsUnavailable, TestNamespace } from '../../netns/test-namespace.js';

const unavailable = netnsUnavailable();
if (unavailable !== undefined) console.warn(`skipped: ${unavailable}`);

const HOST_MAC = 'ee:ee:ee:ee:ee:ee' as MacAddress;

const addVeth = (digits: string) =>
  ({
    kind: 'addVeth',
    hostEnd: `cord${digits}` as InterfaceName,
    hostMac: HOST_MAC,
    containerEnd: `ctmp${digits}` as InterfaceName,
    containerMac: '02:00:00:00:00:01' as MacAddress,
    mtu: 1400,
  }) as const;

const linkRoute = (destination: string, digits: string) =>
  ({ kind: 'link', destination, interfaceName: `cord${digits}` }) as Route;

(unavailable === undefined ? describe : describe.skip).each(['nft', 'legacy'] as const)('with %s', (backend) => {
  let namespace: TestNamespace;
  let kernel: Kernel;
  beforeAll(async () => {
    namespace = await TestNamespace.create('k');
    kernel = await openLinuxKernel({
      backend,
      log: silentLogger,
      runner: namespace.runner,
      sysctls: namespace.sysctls,
    });
  });
  afterAll(async () => {
    kernel.close();
    await namespace.dispose();
  });

  test('a link is made with its MAC and MTU, and is gone soon after it was retired', async () => {
    await kernel.network.apply([addVeth('00000000001')]);
    expect(await kernel.network.links()).toContainEqual({
      name: 'cord00000000001',
      mac: HOST_MAC,
      mtu: 1400,
      up: false,
      group: 'default',
      peer: 'ctmp00000000001',
    });
    await kernel.network.retire(['cord00000000001' as InterfaceName]);
    await kernel.network.retired();
    expect((await kernel.network.links()).map(({ name }) => name)).toEqual(['lo']);
  });

  test('every command is tried, and the failed ones are told', async () => {
    const route = { kind: 'blackhole', destination: '10.64.3.0/26' } as Route;
    await expect(
      kernel.network.apply([
        { kind: 'setUp', link: 'cordffffffffff0' as InterfaceName },
        { kind: 'putRoute', route },
      ]),
    ).rejects.toThrow(/Cannot find device/);
    expect(await kernel.network.ourRoutes()).toEqual([route]);
    await kernel.network.apply([{ kind: 'removeRoute', route }]);
  });

  test('a link made anew under an old name is reached, though ip remembers the index of the old one', async () => {
    const commands = [
      { kind: 'setUp', link: 'cord00000000002' as InterfaceName },
      { kind: 'putRoute', route: linkRoute('10.64.0.2/32', '00000000002') },
      {
        kind: 'putNeighbour',
        neighbour: {
          address: '10.64.0.2' as IpAddress,
          mac: '02:00:00:00:00:01' as MacAddress,
          interfaceName: 'cord00000000002' as InterfaceName,
        },
      },
    ] as const;
    for (let round = 0; round < 2; round++) {
      await kernel.network.apply([addVeth('00000000002')]);
      await kernel.network.apply(commands);
      await namespace.ip('link del cord00000000002');
    }
    await kernel.network.apply([addVeth('00000000002')]);
    await kernel.network.apply(commands);
    expect(await kernel.network.ourRoutes()).toEqual([linkRoute('10.64.0.2/32', '00000000002')]);
    await kernel.network.retire(['cord00000000002' as InterfaceName]);
    await kernel.network.retired();
  });

  test('many links are deleted in one kernel operation', async () => {
    const digits = Array.from({ length: 60 }, (_, i) => `1${String(i).padStart(10, '0')}`);
    await kernel.network.apply(digits.map(addVeth));
    const begun = performance.now();
    await Promise.all(digits.map((name) => kernel.network.retire([`cord${name}` as InterfaceName])));
    await kernel.network.retired();
    // One by one it takes 20 ms for each.
    expect(performance.now() - begun).toBeLessThan(1_000);
    expect(await kernel.network.links()).toHaveLength(1);
  });

  test('a helper that is killed is started again for the next command', async () => {
    const before = kernel.helperPids();
    expect(before.length).toBeGreaterThan(0);
    for (const pid of before) process.kill(pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 100));
    await kernel.packetFilters[4].load('*mangle\n:cord-a - [0:0]\nCOMMIT\n');
    expect(await kernel.packetFilters[4].save()).toContain(':cord-a');
  });

  test('a refused transaction changes nothing, and the next one is carried out', async () => {
    const filter = kernel.packetFilters[6];
    const good = filter.load('*mangle\n:cord-b - [0:0]\nCOMMIT\n');
    const bad = filter.load('*mangle\n:cord-c - [0:0]\n-A cord-c -j cord-absent\nCOMMIT\n');
    const next = filter.load('*mangle\n:cord-d - [0:0]\nCOMMIT\n');
    await expect(bad).rejects.toThrow(/IPv6 packet filter .* refused a change/);
    await Promise.all([good, next]);
    const saved = await filter.save();
    expect(saved).toContain(':cord-b');
    expect(saved).toContain(':cord-d');
    expect(saved).not.toContain('cord-c');
  });

  test('sets are made, filled and read back, whatever was there before', async () => {
    const name = 'cord4-test' as IpSetName;
    const create = { kind: 'create', set: { name, type: 'hash:net,iface', family: 4 } } as const;
    const add = { kind: 'add', name, member: '10.64.0.2,cord00000000001' as IpSetMember } as const;
    await kernel.ipSets.apply([create, add, create, add]);
    await kernel.ipSets.apply([{ kind: 'remove', name, member: '10.64.0.9,cord00000000001' as IpSetMember }]);
    await namespace.exec('ipset', 'create', 'others', 'hash:ip');
    expect(await kernel.ipSets.ours()).toEqual([
      { name, type: 'hash:net,iface', family: 4, members: new Set(['10.64.0.2,cord00000000001']) },
    ]);
    await expect(
      kernel.ipSets.apply([{ kind: 'add', name: 'cord4-none' as IpSetName, member: add.member }]),
    ).rejects.toThrow(/does not exist/);
    await kernel.ipSets.apply([{ kind: 'destroy', name }]);
    await kernel.ipSets.apply([{ kind: 'destroy', name }]);
    expect(await kernel.ipSets.ours()).toEqual([]);
  });

  test('the connections of an address are forgotten, and those of others are not', async () => {
    const insert = (source: string, destination: string) =>
      namespace.exec('conntrack', ...`-I -s ${source} -d ${destination} -p udp --sport 5 --dport 6 -t 60`.split(' '));
    await insert('10.64.0.2', '10.64.0.3');
    await insert('10.64.0.4', '10.64.0.2');
    await insert('10.64.0.4', '10.64.0.5');
    await insert('fd80::2', 'fd80::3');
    expect(await kernel.conntrack.list()).toHaveLength(4);
    await kernel.conntrack.forgetAddresses(['10.64.0.2', '10.64.0.99'] as never);
    const left = await kernel.conntrack.list();
    expect(left.map(({ original }) => `${original.source} ${original.destination}`)).toEqual([
      '10.64.0.4 10.64.0.5',
      'fd80::2 fd80::3',
    ]);
    await kernel.conntrack.forgetFlows(left);
    await kernel.conntrack.forgetFlows(left);
    expect(await kernel.conntrack.list()).toEqual([]);
  });
});
