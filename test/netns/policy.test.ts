import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseProfileName } from '../../src/model/ids.js';
import { aNetwork, anEndpoint, aPool, aProfile, engineOf } from '../builders/policy-world.js';
import { loadPolicy, Member, plug } from './policy-lab.js';
import { netnsUnavailable, TestNamespace } from './test-namespace.js';

const unavailable = netnsUnavailable();
if (unavailable !== undefined) console.warn(`policy is not tried on the kernel: ${unavailable}`);

const HOST: Pair = { 4: '192.0.2.1', 6: '2001:db8::1' };
const OUTSIDE: Pair = { 4: '192.0.2.2', 6: '2001:db8::2' };
const METADATA = '169.254.169.254';
const PORTS = [80, 81, 90, 4789, 4790];
const addressesOf = (n: number): Pair => ({ 4: `10.64.0.${n}`, 6: `fd80::${n}` });
const [CLIENT, SERVER, STRANGER, UNKNOWN] = [2, 3, 4, 9].map(addressesOf) as [Pair, Pair, Pair, Pair];
/** One member's address of each family. */
type Pair = Readonly<Record<4 | 6, string>>;

const endpoints = {
  client: anEndpoint(2, { profiles: [parseProfileName('client')] }),
  server: anEndpoint(3, {
    profiles: [parseProfileName('server')],
    published: [80, 81].map((port) => ({ protocol: 'tcp', containerPort: port, hostPort: 8000 + port })),
  }),
  stranger: anEndpoint(4, { profiles: [parseProfileName('stranger')] }),
};

const engine = engineOf({
  pools: [aPool('10.64.0.0/16'), aPool('fd80::/48')],
  networks: [aNetwork('web', ['10.64.0.0/24', 'fd80::/64'])],
  profiles: [
    aProfile('client', {}),
    aProfile('server', {
      inbound: [
        'deny tcp from tag client to ports 81',
        'allow tcp from tag client to ports 80:89',
        'allow udp from tag client to ports 80',
        'allow icmp type 8 from tag client',
        'allow icmpv6 type 128 from tag client',
      ],
    }),
    aProfile('stranger', { outbound: ['deny tcp to ports 90', 'allow'] }),
  ],
  endpoints: Object.values(endpoints),
});

(unavailable === undefined ? describe : describe.skip)('compiled policy in the kernel', () => {
  let host: Member;
  let outside: Member;
  let client: Member;
  let server: Member;
  let stranger: Member;
  let unknown: Member;

  beforeAll(async () => {
    const router = await TestNamespace.create('host');
    const far = await TestNamespace.create('far');
    await router.ip(`link add eth0 type veth peer name eth0 netns ${far.name}`);
    for (const [namespace, address] of [
      [router, HOST],
      [far, OUTSIDE],
    ] as const) {
      await namespace.ip(`addr add ${address[4]}/24 dev eth0`);
      await namespace.ip(`addr add ${address[6]}/64 dev eth0 nodad`);
      await namespace.ip('link set eth0 up');
    }
    await far.ip(`addr add ${METADATA}/32 dev lo`);
    await far.ip(`route add 10.64.0.0/16 via ${HOST[4]}`);
    await far.ip(`-6 route add fd80::/48 via ${HOST[6]}`);
    // proxy ARP answers for the containers' gateway only where the host has a route to it
    await router.ip(`route add default via ${OUTSIDE[4]}`);
    await router.sysctls.write([
      { path: 'net/ipv4/ip_forward', value: '1' },
      { path: 'net/ipv6/conf/all/forwarding', value: '1' },
      { path: 'net/ipv4/conf/all/rp_filter', value: '0' },
    ]);
    await router.exec('iptables-nft', '-P', 'FORWARD', 'DROP');
    await router.exec('ip6tables-nft', '-P', 'FORWARD', 'DROP');
    await loadPolicy(router, engine);
    const start = async (endpoint: Parameters<typeof plug>[1]) => Member.start(await plug(router, endpoint), PORTS);
    client = await start(endpoints.client);
    server = await start(endpoints.server);
    stranger = await start(endpoints.stranger);
    unknown = await start(anEndpoint(9));
    outside = await Member.start(far, PORTS);
    host = await Member.start(router, [53, 9000]);
  }, 60_000);
  afterAll(async () => {
    for (const member of [client, server, stranger, unknown, outside, host]) await member?.stop();
  });

  describe.each([4, 6] as const)('IPv%i', (family) => {
    test('who reaches whom', async () => {
      const to = async (from: Member, protocol: 'tcp' | 'udp', address: Pair, port: number) =>
        (await from.reach(protocol, address[family], port)) !== undefined;
      const found = {
        'client to server, tcp 80': to(client, 'tcp', SERVER, 80),
        'client to server, tcp 81': to(client, 'tcp', SERVER, 81),
        'client to server, tcp 90': to(client, 'tcp', SERVER, 90),
        'client to server, udp 80': to(client, 'udp', SERVER, 80),
        'client to server, udp 81': to(client, 'udp', SERVER, 81),
        'client to server, ping': client.ping(SERVER[family]),
        'server to client, tcp 80': to(server, 'tcp', CLIENT, 80),
        'stranger to server, tcp 80': to(stranger, 'tcp', SERVER, 80),
        'stranger to server, udp 80': to(stranger, 'udp', SERVER, 80),
        'stranger to server, ping': stranger.ping(SERVER[family]),
        'stranger to outside, tcp 80': to(stranger, 'tcp', OUTSIDE, 80),
        'stranger to outside, tcp 90': to(stranger, 'tcp', OUTSIDE, 90),
        'outside to server, tcp 80': to(outside, 'tcp', SERVER, 80),
        'outside to server, published tcp 80': to(outside, 'tcp', HOST, 8080),
        'outside to server, published tcp 81': to(outside, 'tcp', HOST, 8081),
        'client to server, published tcp 81, denied by a rule': to(client, 'tcp', HOST, 8081),
        'stranger to server, published tcp 80': to(stranger, 'tcp', HOST, 8080),
        'server to itself, published tcp 80': to(server, 'tcp', HOST, 8080),
        'host to server, published tcp 80': to(host, 'tcp', HOST, 8080),
        'host to stranger, tcp 80': to(host, 'tcp', STRANGER, 80),
        'client to host, udp 53': to(client, 'udp', HOST, 53),
        'client to host, tcp 53': to(client, 'tcp', HOST, 53),
        'client to host, tcp 9000': to(client, 'tcp', HOST, 9000),
        'client to host, ping': client.ping(HOST[family]),
        'outside to host, tcp 9000': to(outside, 'tcp', HOST, 9000),
        'unknown interface to server, tcp 80': to(unknown, 'tcp', SERVER, 80),
        'unknown interface to outside, tcp 80': to(unknown, 'tcp', OUTSIDE, 80),
        'unknown interface to host, udp 53': to(unknown, 'udp', HOST, 53),
        'client to unknown interface, tcp 80': to(client, 'tcp', UNKNOWN, 80),
        'client to outside, udp 4789 (VXLAN)': to(client, 'udp', OUTSIDE, 4789),
        'client to outside, udp 4790': to(client, 'udp', OUTSIDE, 4790),
      };
      const names = Object.keys(found) as (keyof typeof found)[];
      const results = await Promise.all(Object.values(found));
      expect(names.filter((_, n) => results[n])).toEqual([
        'client to server, tcp 80',
        'client to server, udp 80',
        'client to server, ping',
        'stranger to outside, tcp 80',
        'outside to server, published tcp 80',
        'outside to server, published tcp 81',
        'stranger to server, published tcp 80',
        'server to itself, published tcp 80',
        'host to server, published tcp 80',
        'host to stranger, tcp 80',
        'client to host, udp 53',
        'client to host, tcp 53',
        'client to host, ping',
        'outside to host, tcp 9000',
        'client to outside, udp 4790',
      ]);
    });

    test('as whom one is seen: itself inside and through published ports, the host outside', async () => {
      expect(await client.reach('tcp', SERVER[family], 80)).toBe(CLIENT[family]);
      expect(await outside.reach('tcp', HOST[family], 8080)).toBe(OUTSIDE[family]);
      expect(await stranger.reach('tcp', HOST[family], 8080)).toBe(STRANGER[family]);
      expect(await client.reach('tcp', OUTSIDE[family], 80)).toBe(HOST[family]);
    });

    test('what bears a foreign address goes nowhere', async () => {
      const foreign = [addressesOf(4)[family], addressesOf(77)[family], family === 4 ? '203.0.113.5' : '2001:db8:5::5'];
      for (const address of foreign) {
        await client.namespace.ip(
          `addr add ${address}/${family === 4 ? 32 : 128} dev lo${family === 4 ? '' : ' nodad'}`,
        );
      }
      const targets = [SERVER[family], OUTSIDE[family]];
      await Promise.all(
        foreign.flatMap((from) => targets.map((target) => client.send(target, 80, `spoofed ${from}`, from))),
      );
      await client.send(SERVER[family], 80, 'honest', CLIENT[family]);
      const came = [...(await server.received()), ...(await outside.received())];
      expect(came.filter((payload) => payload.startsWith('spoofed'))).toEqual([]);
      expect(await server.received()).toContain('honest');
    });
  });

  test('the metadata address is reached by the host alone', async () => {
    expect(await host.reach('tcp', METADATA, 80)).toBeDefined();
    expect(await client.reach('tcp', METADATA, 80)).toBeUndefined();
  });

  test('with another MAC address a new connection is refused', async () => {
    const { namespace } = client;
    await namespace.ip('link set eth0 address 02:00:00:00:00:99');
    await client.send(SERVER[4], 80, 'foreign MAC', CLIENT[4]);
    await namespace.ip(`link set eth0 address ${endpoints.client.mac}`);
    await client.send(SERVER[4], 80, 'own MAC', CLIENT[4]);
    expect((await server.received()).filter((payload) => payload.endsWith('MAC'))).toEqual(['own MAC']);
  });

  test('rules of others, before ours or in their place, open nothing', async () => {
    const { namespace } = host;
    const denied = async () => (await stranger.reach('udp', SERVER[4], 80)) === undefined;
    const allowed = async () => (await client.reach('udp', SERVER[4], 80)) !== undefined;
    await namespace.exec('iptables-nft', '-I', 'FORWARD', '1', '-j', 'ACCEPT');
    expect([await denied(), await allowed()]).toEqual([true, true]);
    await namespace.exec('iptables-nft', '-F', 'FORWARD');
    await namespace.exec('iptables-nft', '-P', 'FORWARD', 'ACCEPT');
    expect([await denied(), await allowed()]).toEqual([true, true]);
  });

  test('with the deciding table flushed nothing passes', async () => {
    const { namespace } = host;
    await namespace.exec('ip6tables-nft', '-t', 'mangle', '-F', 'FORWARD');
    await namespace.exec('ip6tables-nft', '-F', 'FORWARD');
    await namespace.exec('ip6tables-nft', '-P', 'FORWARD', 'ACCEPT');
    expect(await client.reach('udp', SERVER[6], 80)).toBeUndefined();
    expect(await stranger.reach('udp', SERVER[6], 80)).toBeUndefined();
  });
});
