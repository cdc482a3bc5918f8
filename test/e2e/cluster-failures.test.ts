import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, expect, test } from '@jest/globals';
import { describeInLab } from '../lab/needs.js';
import type { Probe } from '../lab/probe-process.js';
import { CLUSTER_TOOLS, useCorduroyCluster } from './corduroy-cluster.js';
import { type CorduroyLab, E2E_TIMEOUT_MS, eventually } from './corduroy-host.js';
import { Streams } from './streams.js';

/** Longer than a host needs to find out that etcd is gone, so that its watch begins anew. */
const CUT_MS = 10_000;
const PER_SECOND = 200;

const succeeds = ({ exitCode }: { readonly exitCode: number }) => exitCode === 0;
const isTrue = (value: boolean) => value;

/** Which /26 of its /24 an address lies in. */
const blockOf = (address: string) => Math.floor(Number(address.split('.')[3]) / 64);

/** Tells what a failure cost: numbers for docs/failures.md, which no test depends on. */
const tell = (line: string) => process.stderr.write(`measured: ${line}\n`);

describeInLab(
  'failures of hosts',
  () => {
    const cluster = useCorduroyCluster({
      hosts: 3,
      members: 3,
      security: 'certificates',
      detectAddress: true,
      engineSettings: { 'live-restore': true },
    });
    let one: CorduroyLab;
    let two: CorduroyLab;
    let three: CorduroyLab;
    /** From the second host to the first. */
    let streams: Streams;
    /** From the third host to the first, which nothing that happens to the second may disturb. */
    let bystander: Probe | undefined;

    beforeAll(async () => {
      [one, two, three] = [cluster().node(0), cluster().node(1), cluster().node(2)];
      await cluster().network('kept', '10.66.0.0/24');
      await cluster().network('kept-strangers', '10.66.1.0/24');
      streams = await Streams.between(one, two, 'kept');
      await streams.server.serve(80, 81);
      await streams.server.probe('echo', '7701');
      const onThird = await three.start('kept-bystander', 'kept');
      await eventually(() => onThird.reaches(streams.address), isTrue);
      bystander = await onThird.probe('send', streams.address, '7701', `${PER_SECOND}`);
    }, E2E_TIMEOUT_MS);

    afterEach(async () => {
      expect(await streams.intruders()).toEqual({});
      expect((await bystander?.report())?.missingCount ?? 0).toBe(0);
    });

    test(
      'engine and daemon of a host killed and started again, and an etcd that forgets its logins: no packet is lost',
      async () => {
        await two.host.stopCorduroy('SIGKILL');
        await two.host.stopDockerd('SIGKILL');
        await cluster().etcd.killAll();
        await cluster().etcd.revive();
        await streams.sendMore(PER_SECOND);
        await cluster().startDaemon(two);
        await two.host.startDockerd({ settings: { 'live-restore': true } });
        await streams.sendMore(PER_SECOND);
        expect(await streams.lost()).toEqual({ missing: [], tail: 0 });
      },
      E2E_TIMEOUT_MS,
    );

    test(
      'a host cut off: nothing enters, it refuses in time, and when healed it has what changed meanwhile',
      async () => {
        const friend = await two.host.container('kept-friend');
        expect(await friend.seenBy(streams.address, 81)).not.toBe('');
        await two.start('leaver', 'kept');

        await cluster().lab.cut(two.host);
        const cutAt = performance.now();
        expect(await two.refusal('run', '--rm', '--net', 'kept', 'lab:1', 'true')).toMatch(/etcd/);
        await two.remove('leaver');
        await one.start('newcomer', 'kept');
        await one.host.cord(...'profile kept rule add outbound --at 1 deny tcp to ports 81'.split(' '));
        await cluster().etcd.compact();
        await sleep(CUT_MS - (performance.now() - cutAt));
        const newcomer = await (await one.host.container('newcomer')).address('kept');

        await cluster().lab.heal(two.host);
        const cutMs = performance.now() - cutAt;
        const healedAt = performance.now();
        await streams.friendIsHeard();
        await eventually(() => friend.reaches(newcomer), isTrue);
        await eventually(
          async () =>
            (await friend.seenBy(streams.address, 81)) === '' && (await friend.seenBy(streams.address, 80)) !== '',
          isTrue,
          20_000,
        );
        const { longestGapMs, missingCount } = await streams.report();
        tell(
          `cut for ${Math.round(cutMs)} ms: ${missingCount} packets lost, silence ${longestGapMs} ms, new rule in force ${Math.round(performance.now() - healedAt)} ms after`,
        );
        await eventually(() => two.host.tryDocker('run', '--rm', '--net', 'kept', 'lab:1', 'true'), succeeds, 20_000);
        await one.remove('newcomer');
      },
      E2E_TIMEOUT_MS,
    );

    test(
      "a host's address changes: its daemon finds out, and the others follow",
      async () => {
        const before = await streams.report();
        const begun = performance.now();
        await cluster().lab.changeAddress(two.host, '10.99.0.112');
        await eventually(
          () => one.host.run('ip', 'route'),
          (routes) => routes.includes('via 10.99.0.112') && !routes.includes('via 10.99.0.12 '),
          // BIRD connects to an address anew some seconds after it failed to.
          30_000,
        );
        const settledMs = Math.round(performance.now() - begun);
        await streams.friendIsHeard();
        const after = await streams.report();
        tell(
          `address changed: routes follow in ${settledMs} ms, ${after.missingCount - before.missingCount} packets lost`,
        );
        expect(await one.host.cord('node', 'list', '-o', 'json')).toContain('"10.99.0.112"');
      },
      E2E_TIMEOUT_MS,
    );

    test(
      'two hosts lose power: the containers of one come back with it, and the other is removed for good',
      async () => {
        await cluster().network('small', '10.66.2.0/25');
        const first = await one.start('small-1', 'small');
        const left = await (await three.start('small-3', 'small')).address('small');
        const watcher = await one.start('watcher', 'kept');
        await two.start('phoenix', 'kept', '--restart', 'always', '--ip', '10.66.0.200');
        await eventually(() => watcher.reaches('10.66.0.200'), isTrue);
        expect((await bystander?.stop())?.missingCount).toBe(0);
        bystander = undefined;

        await Promise.all([two, three].map(({ host }) => cluster().lab.crash(host)));
        expect(await watcher.reaches('10.66.0.200')).toBe(false);
        const crashedAt = performance.now();
        const removal = one.host.cord('node', 'remove', 'h3', '--remove-endpoints');
        await cluster().reboot(two);
        tell(`power failed: engine and daemon ready ${Math.round(performance.now() - crashedAt)} ms after`);
        await eventually(() => watcher.reaches('10.66.0.200'), isTrue, 30_000);
        tell(`power failed: the container is reached ${Math.round(performance.now() - crashedAt)} ms after`);

        await removal;
        tell(`power failed: removed for good ${Math.round(performance.now() - crashedAt)} ms after`);
        expect(await one.host.cord('node', 'list', '-o', 'json')).not.toContain('"h3"');
        expect(await one.host.cord('endpoint', 'list', '-o', 'json')).not.toContain(left);
        const heir = await (await two.start('small-2', 'small')).address('small');
        expect(blockOf(heir)).toBe(blockOf(left));
        await eventually(() => first.reaches(heir), isTrue);
      },
      2 * E2E_TIMEOUT_MS,
    );
  },
  CLUSTER_TOOLS,
);
