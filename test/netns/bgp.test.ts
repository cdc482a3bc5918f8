import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseBgpPassword } from '../../src/model/bgp-peer.js';
import { parseNodeName } from '../../src/model/ids.js';
import { parseRouteReflectorClusterId } from '../../src/model/node.js';
import { aPeer } from '../builders/bgp-cases.js';
import { missingFor } from '../lab/needs.js';
import { type BgpHost, BgpLab, POOL4, Router, until } from './bgp-lab.js';

const TIMEOUT_MS = 60_000;
const missing = missingFor(['bird', 'birdc']);
if (missing.length > 0) process.stderr.write(`SKIPPED BGP between namespaces: ${missing.join(', ')}\n`);

(missing.length === 0 ? describe : describe.skip)('BGP between namespaces', () => {
  let lab: BgpLab;
  beforeEach(async () => {
    lab = await BgpLab.up();
  }, TIMEOUT_MS);
  afterEach(() => lab.down(), TIMEOUT_MS);

  const nodes = (...names: readonly string[]) => Promise.all(names.map((name) => lab.node(name)));
  const three = async () => (await nodes('one', 'two', 'three')) as [BgpHost, BgpHost, BgpHost];

  test(
    'in a mesh each learns what the others have, of both families, and nothing else of theirs',
    async () => {
      const [one, two, three_] = await three();
      // What every host has, and what others may have put there.
      await one.namespace.ip('route add 10.64.9.0/24 via 10.99.0.1');
      await one.namespace.ip('route add blackhole 10.64.8.0/24');
      await one.namespace.ip('route add 192.0.2.0/24 via 10.99.0.1 proto 80');
      await one.namespace.ip('route add 10.64.7.0/26 via 10.99.0.1 proto 80');
      await one.claim('10.64.0.0/26');
      await one.claim('fd80:c0de::/122');
      await one.attach('10.64.0.7/32');
      await two.claim('10.64.0.64/26');
      // An address of the first one's block that the second one has.
      await two.attach('10.64.0.9/32');

      await three_.learns([`10.64.0.0/26 via ${one.ip}`, `10.64.0.64/26 via ${two.ip}`, `10.64.0.9 via ${two.ip}`]);
      await two.learns([`10.64.0.0/26 via ${one.ip}`]);
      await one.learns([`10.64.0.64/26 via ${two.ip}`, `10.64.0.9 via ${two.ip}`]);
      await three_.learns([`fd80:c0de::/122 via ${one.ip6}`], 6);
      expect(await three_.namespace.ip('route get 10.64.0.1')).toContain(`via ${one.ip}`);
      expect(await one.session(two.ip)).toMatchObject({ type: 'mesh', peer: 'two', imported: 2, exported: 1 });
      expect(await one.status()).toMatchObject({ problems: [] });

      await one.namespace.ip('route del blackhole 10.64.0.0/26 proto 80');
      await three_.learns([`10.64.0.64/26 via ${two.ip}`, `10.64.0.9 via ${two.ip}`]);
    },
    TIMEOUT_MS,
  );

  test(
    'two reflectors pass routes on, and one of them may die',
    async () => {
      const routeReflectorClusterId = parseRouteReflectorClusterId('244.0.0.1');
      const [first, second] = await Promise.all([
        lab.node('first', { routeReflectorClusterId }),
        lab.node('second', { routeReflectorClusterId }),
      ]);
      const [a, b] = (await nodes('a', 'b')) as [BgpHost, BgpHost];
      await lab.settings({ mesh: false });
      await first.claim('10.64.0.0/26');
      await a.claim('10.64.0.64/26');
      await b.claim('10.64.0.128/26');
      await a.learns([`10.64.0.0/26 via ${first.ip}`, `10.64.0.128/26 via ${b.ip}`]);
      await second.learns([`10.64.0.0/26 via ${first.ip}`, `10.64.0.128/26 via ${b.ip}`, `10.64.0.64/26 via ${a.ip}`]);
      expect((await a.status()).sessions.map(({ type, peer }) => `${type} ${peer}`)).toEqual([
        'reflector first',
        'reflector second',
        'reflector first',
        'reflector second',
      ]);

      // The reflector's host goes, with all that it had.
      await first.namespace.ip('link set eth0 down');
      await a.claim('10.64.1.0/26');
      await until(
        () => b.learned(),
        (routes) => routes.includes(`10.64.1.0/26 via ${a.ip}`),
      );
      expect(await b.learned()).toContain(`10.64.0.64/26 via ${a.ip}`);
    },
    TIMEOUT_MS,
  );

  test(
    'nodes of different autonomous systems, of two and of four bytes, and one by the default',
    async () => {
      const [one, two, three_] = await Promise.all([
        lab.node('one', { asNumber: 65_001 }),
        lab.node('two', { asNumber: 4_200_000_002 }),
        lab.node('three'),
      ]);
      await lab.settings({ defaultAsNumber: 65_003 });
      await one.claim('10.64.0.0/26');
      await two.claim('10.64.0.64/26');
      await three_.learns([`10.64.0.0/26 via ${one.ip}`, `10.64.0.64/26 via ${two.ip}`]);
      expect(await three_.birdc('show', 'route', 'all', '10.64.0.64/26')).toMatch(/BGP.as_path: 4200000002\n/);
      expect(await one.session(three_.ip)).toMatchObject({ asNumber: 65_003 });
    },
    TIMEOUT_MS,
  );

  test(
    'a switch hears of blocks with the right password only, and tells nothing but pools',
    async () => {
      const [one, two] = (await nodes('one', 'two')) as [BgpHost, BgpHost];
      await one.claim('10.64.0.0/26');
      await two.claim('10.64.0.64/26');
      const session = (node: BgpHost) =>
        `protocol bgp to_${node.name} { local as 64600; neighbor ${node.ip} as 64512; password "open sesame"; multihop;
         connect retry time 1; connect delay time 1; error wait time 1, 2;
         ipv4 { import all; export where source = RTS_STATIC; next hop self; }; }`;
      const told = ['0.0.0.0/0', '10.0.0.0/8', '192.0.2.0/24', '10.99.0.0/24', '10.64.64.0/18', '10.64.0.0/26']
        .map((net) => `route ${net} via 10.99.0.1;`)
        .join(' ');
      const tor = await Router.start(
        await lab.host('tor'),
        `protocol static { ipv4; ${told} } ${session(one)} ${session(two)}`,
      );
      const wrong = aPeer(tor.host.ip, { password: parseBgpPassword('close sesame') });
      await lab.peer(wrong);
      await one.established(two.ip);
      const refused = await until(
        () => one.session(tor.host.ip),
        (session) => session !== undefined,
      );
      expect(refused).toMatchObject({ type: 'global', imported: 0 });
      expect(refused?.state).not.toBe('established');
      expect(await tor.routes('10.64.0.64/26')).not.toContain('to_two');

      await lab.peer({ ...wrong, password: parseBgpPassword('open sesame') });
      await Promise.all([one.established(tor.host.ip), two.established(tor.host.ip)]);
      // What a block's own node says counts there; the switch's word for it does not.
      await one.learns([`10.64.0.64/26 via ${two.ip}`, `10.64.64.0/18 via ${tor.host.ip}`]);
      expect(await tor.routes('10.64.0.64/26', 'all')).toMatch(/to_two[\s\S]*via 10\.99\.0\.12/);
      expect(await tor.routes('10.64.0.64/26')).not.toContain('to_one');

      await lab.removePeer(wrong);
      await one.learns([`10.64.0.64/26 via ${two.ip}`]);
      expect(readFileSync(join(one.directory, 'bird.log'), 'utf8')).not.toContain('sesame');
      expect(statSync(join(one.directory, 'bird.conf')).mode & 0o077).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    'a passive session to a neighbour with TTL security and BFD, whose silent death is noticed at once',
    async () => {
      const one = await lab.node('one');
      await one.claim('10.64.0.0/26');
      const rack = await lab.host('tor');
      const protocols = (terms: string) => `protocol bfd { interface "*" { interval 100 ms; multiplier 3; }; }
         protocol static { ipv4; route 10.64.64.0/18 via 10.99.0.1; }
         protocol bgp to_one { local ${rack.ip} as 64600; neighbor ${one.ip} as 64512; ${terms}
         connect retry time 1; connect delay time 1; error wait time 1, 2;
         ipv4 { import all; export where source = RTS_STATIC; next hop self; }; }`;
      const tor = await Router.start(rack, protocols('direct; bfd on; passive on; ttl security on;'));
      const peer = aPeer(tor.host.ip, { bfd: true, ttlSecurity: 1, passive: true });
      await lab.peer(peer);
      await until(
        () => one.session(tor.host.ip),
        (session) => session !== undefined,
      );
      // Neither opens it.
      await sleep(1_500);
      expect((await one.session(tor.host.ip))?.state).not.toBe('established');

      await tor.configure(protocols('direct; bfd on; ttl security on;'));
      await one.established(tor.host.ip);
      await one.learns([`10.64.64.0/18 via ${tor.host.ip}`]);
      expect(await one.namespace.exec('ss', '-Htn', 'state', 'established')).toMatch(
        new RegExp(`${one.ip}:179 +${tor.host.ip}:`),
      );
      await until(
        () => one.birdc('show', 'bfd', 'sessions'),
        (text) => new RegExp(`${tor.host.ip} .*Up`).test(text),
      );
      // No link goes down on the node's side: without BFD it would believe in the peer for 30 s.
      await tor.host.namespace.ip('link set eth0 down');
      const died = performance.now();
      await one.learns([]);
      expect(performance.now() - died).toBeLessThan(5_000);
      expect((await one.session(tor.host.ip))?.error).toMatch(/BFD/);

      // One that could be anywhere.
      await tor.configure(protocols('multihop; bfd on;'));
      await tor.host.namespace.ip('link set eth0 up');
      await until(
        () =>
          one.namespace.exec('busybox', 'ping', '-c', '1', '-W', '1', tor.host.ip).then(
            () => true,
            () => false,
          ),
        Boolean,
      );
      await sleep(2_500);
      expect((await one.session(tor.host.ip))?.state).not.toBe('established');
    },
    TIMEOUT_MS,
  );

  test(
    'a switch that knows graceful restart keeps the routes while the BIRD of a node dies and comes back',
    async () => {
      const one = await lab.node('one');
      await one.claim('10.64.0.0/26');
      const tor = await Router.start(
        await lab.host('tor'),
        `protocol static { ipv4; route 10.64.64.0/18 via 10.99.0.1; }
         protocol bgp to_one { local as 64600; neighbor ${one.ip} as 64512; multihop; graceful restart on;
         connect retry time 1; connect delay time 1; error wait time 1, 2;
         ipv4 { import all; export where source = RTS_STATIC; next hop self; }; }`,
      );
      await lab.peer(aPeer(tor.host.ip));
      const isThere = async () => (await tor.routes('10.64.0.0/26')).includes('to_one');
      await until(isThere, Boolean);
      await one.learns([`10.64.64.0/18 via ${tor.host.ip}`]);
      const pid = await one.pid();
      await one.killBird();
      let asked = 0;
      await until(
        async () => {
          asked++;
          expect(await isThere()).toBe(true);
          return [await one.pid(), (await one.session(tor.host.ip))?.state] as const;
        },
        ([now, state]) => now !== pid && state === 'established',
      );
      expect(asked).toBeGreaterThan(5);
      await sleep(1_000);
      expect(await isThere()).toBe(true);
    },
    TIMEOUT_MS,
  );

  test(
    'a peer of one node hears of all through it, and the others of what it tells',
    async () => {
      const [one, two] = (await nodes('one', 'two')) as [BgpHost, BgpHost];
      await one.claim('10.64.0.0/26');
      await two.claim('10.64.0.64/26');
      const tor = await Router.start(
        await lab.host('tor'),
        `protocol static { ipv4; route 10.64.64.0/18 via 10.99.0.1; }
         protocol bgp to_one { local as 64600; neighbor ${one.ip} as 64512; multihop; connect delay time 1;
         ipv4 { import all; export where source = RTS_STATIC; next hop self; }; }`,
      );
      await lab.peer(aPeer(tor.host.ip, { node: parseNodeName('one') }));
      await two.learns([`10.64.0.0/26 via ${one.ip}`, `10.64.64.0/18 via ${tor.host.ip}`]);
      const routes = await until(
        () => tor.routes('all'),
        (text) => text.includes('10.64.0.64/26'),
      );
      expect(routes).toMatch(/10\.64\.0\.64\/26[\s\S]*BGP\.med: 100/);
      expect((await two.status()).sessions.map(({ address }) => address)).not.toContain(tor.host.ip);
    },
    TIMEOUT_MS,
  );

  test(
    'an encapsulated pool is told to peers and not written into the kernel, and a pool changes live',
    async () => {
      const [one, two] = (await nodes('one', 'two')) as [BgpHost, BgpHost];
      await one.claim('10.64.0.0/26');
      await two.learns([`10.64.0.0/26 via ${one.ip}`]);
      await lab.pool(POOL4, { encapsulation: { kind: 'vxlan', crossSubnet: false } });
      await two.learns([]);
      expect(await two.birdc('show', 'route', '10.64.0.0/26')).toContain(`[cluster_${one.ip.replaceAll('.', '_')}`);
      await lab.pool(POOL4);
      await two.learns([`10.64.0.0/26 via ${one.ip}`]);
      expect(await two.session(one.ip)).toMatchObject({ state: 'established' });
    },
    TIMEOUT_MS,
  );

  test(
    'a route whose next hop this host cannot find is told of, not silently lost',
    async () => {
      const [one, two] = (await nodes('one', 'two')) as [BgpHost, BgpHost];
      const tor = await Router.start(
        await lab.host('tor'),
        `protocol static { ipv4; route 10.64.64.0/18 via 10.99.0.1; }
         protocol bgp to_two { local as 64600; neighbor ${two.ip} as 64512; multihop; connect delay time 1;
         ipv4 { import none; export filter { bgp_next_hop = 198.51.100.7; if source = RTS_STATIC then accept; reject; }; }; }`,
      );
      await lab.peer(aPeer(tor.host.ip, { node: parseNodeName('two') }));
      await two.learns([`10.64.64.0/18 via 10.99.0.1`]);
      await two.namespace.ip('route del default');
      await until(
        () => two.namespace.ip('route show proto bird'),
        (routes) => routes.includes('unreachable 10.64.64.0/18'),
      );
      expect((await two.status()).problems).toEqual([
        '1 of the routes that peers tell lead nowhere: this host has no route to their next hop; give it one, a default route perhaps',
      ]);
      await two.namespace.ip('route add default via 10.99.0.1');
      await two.learns([`10.64.64.0/18 via 10.99.0.1`]);
      await one.established(two.ip);
    },
    TIMEOUT_MS,
  );
});
