import { expect, test } from '@jest/globals';
import { adminCall } from '../lab/admin-call.js';
import { describeInLab } from '../lab/needs.js';
import type { Probe } from '../lab/probe-process.js';
import { E2E_TIMEOUT_MS, eventually, useCorduroy } from './corduroy-host.js';

/** How long policy is changed as fast as it can be, in ms. */
const STORM_MS = 15_000;
const OPEN = '7801';
const OTHER = '7802';
const SHUT = '7803';

/** Rules around the two that matter; whichever of them stand before, those two decide alike. */
const NOISE = [
  'allow tcp from tag other to ports 80,443',
  'deny udp to ports 9000:9100',
  'allow icmp from 192.0.2.0/24',
  'deny from 198.51.100.0/24',
  'allow tcp to ports 22',
  'deny tcp from not 10.64.0.0/10 to ports 25',
];

const lossOf = async (probe: Probe): Promise<object> => {
  const { sent } = await probe.report();
  const { received, missing } = await eventually(
    () => probe.report(),
    (now) => now.received + now.missingCount >= sent,
    3_000,
  ).catch(() => probe.report());
  return { missing, tail: received + missing.length < sent ? sent - received - missing.length : 0 };
};

const nothingLost = { missing: [], tail: 0 };

describeInLab('policy that changes under traffic', () => {
  const corduroy = useCorduroy();

  test(
    'changed as fast as it can be: no denied packet arrives, none that is allowed is lost, as a flow or as many',
    async () => {
      const { host, ...lab } = { host: corduroy().host, start: corduroy().start.bind(corduroy()) };
      await host.cord('profile', 'add', 'gate');
      await host.cord('profile', 'gate', 'rule', 'add', 'outbound', 'allow');
      await corduroy().network('gate', '-o', 'profiles=gate');
      await corduroy().network('friends');
      await corduroy().network('strangers');
      const inbound = ['allow udp from tag friends to ports 7801', 'deny udp to ports 7801:7803'];
      await adminCall(host, 'PUT', '/profiles/gate/rules', { inbound });
      const server = await lab.start('gate-server', 'gate');
      const friend = await lab.start('gate-friend', 'friends');
      const stranger = await lab.start('gate-stranger', 'strangers');
      const address = await server.address('gate');
      await corduroy().outside.addRoute(`${address}/32`, 0);
      const [open, shut] = [await server.probe('echo', OPEN), await server.probe('count', SHUT)];
      const allowed = [
        await friend.probe('send', address, OPEN, '100'),
        await friend.probe('fresh', address, OPEN, '100'),
      ];
      const denied = [
        await stranger.probe('send', address, OPEN, '100'),
        await stranger.probe('fresh', address, OPEN, '100'),
        await friend.probe('fresh', address, SHUT, '50'),
        await corduroy().outside.probe('fresh', address, OPEN, '100'),
      ];

      const until = Date.now() + STORM_MS;
      let changes = 0;
      while (Date.now() < until) {
        const noise = (n: number) => NOISE.filter((_, i) => ((changes * 7 + n) >> (i % 5)) % 2 === 0);
        const [first = '', second = ''] = inbound;
        const rules = [...noise(1), first, ...noise(2), second, ...noise(3)];
        await Promise.all([
          adminCall(host, 'PUT', '/profiles/gate/rules', { inbound: rules }),
          changes % 3 === 0
            ? adminCall(host, 'PUT', `/profiles/friends/tags/extra${changes % 2}`)
            : adminCall(host, 'GET', '/profiles'),
          changes % 5 === 0 ? adminCall(host, 'POST', '/profiles', { name: `noise-${changes}` }) : undefined,
        ]);
        changes++;
      }
      process.stderr.write(`reload storm: ${changes} changes of policy in ${STORM_MS / 1000} s\n`);
      expect(changes).toBeGreaterThan(20);
      for (const stream of allowed) expect(await lossOf(stream)).toEqual(nothingLost);
      const { sources } = await open.report();
      expect(Object.keys(sources)).toEqual([await friend.address('friends')]);
      expect((await shut.report()).received).toBe(0);
      for (const stream of denied) expect((await stream.report()).sent).toBeGreaterThan(100);
      await Promise.all([...allowed, ...denied, open, shut].map((probe) => probe.stop()));
      await corduroy().remove('gate-server', 'gate-friend', 'gate-stranger');
      await corduroy().removeNetworks('gate', 'friends', 'strangers');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'a flow under way is cut by the rule that denies it, others go on, and allowing more cuts none',
    async () => {
      const { host } = corduroy();
      await host.cord('profile', 'add', 'cut');
      await adminCall(host, 'PUT', '/profiles/cut/rules', { inbound: ['allow'], outbound: ['allow'] });
      await corduroy().network('cut', '-o', 'profiles=cut');
      await corduroy().network('beside');
      const server = await corduroy().start('cut-server', 'cut');
      const client = await corduroy().start('cut-client', 'cut');
      const beside = await corduroy().start('beside-server', 'beside');
      const peer = await corduroy().start('beside-client', 'beside');
      const [address, elsewhere] = [await server.address('cut'), await beside.address('beside')];
      const receivers = [
        await server.probe('echo', OPEN),
        await server.probe('echo', OTHER),
        await beside.probe('echo', OPEN),
      ] as const;
      const [doomed, sibling, neighbour] = [
        await client.probe('send', address, OPEN, '100'),
        await client.probe('send', address, OTHER, '100'),
        await peer.probe('send', elsewhere, OPEN, '100'),
      ];
      const flowsTo = async (to: string, port: string) =>
        (await host.run('sh', '-c', `conntrack -L -p udp -d ${to} -o id 2>/dev/null | grep 'dport=${port} ' || true`))
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => /id=(\d+)/.exec(line)?.[1]);
      const arrivedMore = async (probe: Probe) => {
        const { received } = await probe.report();
        await eventually(
          () => probe.report(),
          (now) => now.received > received + 10,
        );
      };
      await Promise.all(receivers.map(arrivedMore));
      const siblingFlow = await flowsTo(address, OTHER);
      const neighbourFlow = await flowsTo(elsewhere, OPEN);
      expect([siblingFlow.length, neighbourFlow.length, (await flowsTo(address, OPEN)).length]).toEqual([1, 1, 1]);

      const rules = '/profiles/cut/rules/inbound';
      expect(await adminCall(host, 'POST', rules, { rule: `deny udp to ports ${OPEN}`, at: 1 })).toMatchObject({
        inForce: true,
      });
      const whenInForce = (await receivers[0].report()).received;
      const { sent } = await doomed.report();
      await eventually(
        () => doomed.report(),
        (now) => now.sent > sent + 50,
      );
      expect((await receivers[0].report()).received).toBe(whenInForce);
      expect(await flowsTo(address, OTHER)).toEqual(siblingFlow);
      expect(await flowsTo(elsewhere, OPEN)).toEqual(neighbourFlow);
      expect(await flowsTo(address, OPEN)).toEqual([]);

      // Now more is allowed than before: the doomed flow begins anew, and no other is touched.
      await adminCall(host, 'DELETE', `${rules}?at=1`);
      await arrivedMore(receivers[0]);
      expect(await flowsTo(address, OTHER)).toEqual(siblingFlow);
      for (const stream of [sibling, neighbour]) expect(await lossOf(stream)).toEqual(nothingLost);

      // A tag taken from the peer is as good as a rule taken from the server.
      await adminCall(host, 'PUT', '/profiles/cut/rules', { inbound: ['allow from tag guests'] });
      await adminCall(host, 'PUT', '/profiles/cut/tags/guests');
      await arrivedMore(receivers[0]);
      await adminCall(host, 'DELETE', '/profiles/cut/tags/guests');
      const afterTag = (await receivers[0].report()).received;
      const before = (await doomed.report()).sent;
      await eventually(
        () => doomed.report(),
        (now) => now.sent > before + 50,
      );
      expect((await receivers[0].report()).received).toBe(afterTag);
      expect(await lossOf(neighbour)).toEqual(nothingLost);
      await Promise.all([doomed, sibling, neighbour, ...receivers].map((probe) => probe.stop()));
      await corduroy().remove('cut-server', 'cut-client', 'beside-server', 'beside-client');
      await corduroy().removeNetworks('cut', 'beside');
    },
    E2E_TIMEOUT_MS,
  );
});
