import { expect, test } from '@jest/globals';
import { describeInLab } from '../lab/needs.js';
import type { Probe } from '../lab/probe-process.js';
import { CLUSTER_TOOLS, useCorduroyCluster } from './corduroy-cluster.js';
import { type CorduroyLab, E2E_TIMEOUT_MS, eventually } from './corduroy-host.js';
import { OUTSIDE_ADDRESS, Streams } from './streams.js';

/** Longest time from the end of a command to its effect on other hosts, in ms. */
const EVERYWHERE_MS = 500;

/** What our daemon wrote on a host is flushed away while it does not run to put it back. */
async function disarm({ host }: CorduroyLab): Promise<void> {
  await host.stopCorduroy('SIGKILL');
  // What requires a mark goes before what sets it: packets that were allowed pass all the while.
  await host.run('iptables', '-P', 'FORWARD', 'ACCEPT');
  for (const table of ['security', 'filter', 'mangle', 'raw']) await host.run('iptables', '-t', table, '-F');
}

/** Packets from one address to another that reached the host, since `countArrivals`. */
const arrivals = async ({ host }: CorduroyLab, ...match: string[]): Promise<number> =>
  Number(
    /^\[(\d+):/.exec(grep(await host.run('iptables-save', '-c', '-t', 'raw'), match.join(' ')))?.[1] ?? Number.NaN,
  );
const grep = (text: string, words: string): string => text.split('\n').find((line) => line.includes(words)) ?? '';
const pair = (from: string, to: string) => ['-s', `${from}/32`, '-d', `${to}/32`];
const countArrivals = ({ host }: CorduroyLab, ...match: string[]) =>
  host.run('iptables', '-t', 'raw', '-I', 'PREROUTING', ...match);

describeInLab(
  'policy across hosts',
  () => {
    const cluster = useCorduroyCluster({ hosts: 3 });

    test(
      'a network of one name lets its members talk across hosts and nobody else in; each side denies by itself',
      async () => {
        const [one, two] = [cluster().node(0), cluster().node(1)];
        await cluster().network('across', '10.66.0.0/24');
        await cluster().network('across-strangers', '10.66.1.0/24');
        const streams = await Streams.between(one, two, 'across');
        const stranger = await (await two.host.container('across-stranger')).address('across-strangers');
        await streams.friendIsHeard();
        await streams.sendMore(50);
        expect(await streams.intruders()).toEqual({});
        expect(await streams.lost()).toEqual({ missing: [], tail: 0 });

        // The receiver's side, with nothing of ours at the sender's.
        await disarm(two);
        await countArrivals(one, ...pair(stranger, streams.address));
        await eventually(
          () => arrivals(one, ...pair(stranger, streams.address)),
          (packets) => packets > 50,
        );
        expect(await streams.intruders()).toEqual({});
        await cluster().startDaemon(two);
        // The routes to other hosts' blocks are no clash with a pool.
        expect(two.host.corduroyLog(200)).not.toContain('overlaps');

        // The sender's side, with nothing of ours at the receiver's: the outside, which nobody holds back, gets in.
        await cluster()
          .node(2)
          .host.cord('profile', 'across-strangers', 'rule', 'add', 'outbound', '--at', '1', 'deny', 'udp');
        await new Promise((resolve) => setTimeout(resolve, EVERYWHERE_MS));
        await disarm(one);
        await countArrivals(one, ...pair(stranger, streams.address));
        await streams.sendMore(50);
        await eventually(
          () => streams.heardFrom(OUTSIDE_ADDRESS),
          (heard) => heard > 50,
        );
        expect(await streams.heardFrom(stranger)).toBe(0);
        expect(await arrivals(one, ...pair(stranger, streams.address))).toBe(0);

        await cluster().startDaemon(one);
        const entered = await streams.heardFrom(OUTSIDE_ADDRESS);
        await streams.sendMore(50);
        expect(await streams.heardFrom(OUTSIDE_ADDRESS)).toBe(entered);
        expect(await streams.lost()).toEqual({ missing: [], tail: 0 });
        await streams.end();
        await cluster().removeNetworks('across', 'across-strangers');
      },
      E2E_TIMEOUT_MS,
    );

    test(
      'a change made on one host is in force on all others, for connections that are there too',
      async () => {
        const [one, two, three] = [cluster().node(0), cluster().node(1), cluster().node(2)];
        await cluster().network('tagged', '10.66.2.0/24');
        const cord = (...words: string[]) => three.host.cord(...words);
        await cord('profile', 'add', 'DB');
        await cord('profile', 'add', 'CLIENT');
        await cord(...'profile DB rule add inbound allow udp from tag trusted'.split(' '));
        const db = await one.start('tagged-db', 'name=tagged,driver-opt=corduroy.profiles=DB');
        const client = await two.start('tagged-client', 'tagged');
        const counter = await db.probe('count', '7800');
        const sender = await client.probe('send', await db.address('tagged'), '7800', '200');
        await sendMore(sender, 20);
        expect((await counter.report()).received).toBe(0);

        const take = 'profile CLIENT tag remove trusted';
        const give = 'profile CLIENT tag add trusted';
        const deeds = [
          { on: three, words: give, opens: false },
          { on: two, words: 'container profile append tagged-client CLIENT', opens: true },
          { on: two, words: 'container profile remove tagged-client CLIENT', opens: false },
          { on: two, words: 'container profile append tagged-client CLIENT', opens: true },
          { on: three, words: take, opens: false },
          { on: three, words: give, opens: true },
          { on: three, words: 'profile DB rule add inbound --at 1 deny udp', opens: false },
        ];
        for (const { on, words, opens } of deeds) {
          await on.host.cord(...words.split(' '));
          if (!opens) {
            await silence(counter, sender);
            continue;
          }
          const { received } = await counter.report();
          await eventually(
            () => counter.report(),
            (now) => now.received > received + 20,
            EVERYWHERE_MS,
          );
        }
        await counter.stop();
        await sender.stop();
        await one.remove('tagged-db');
        await two.remove('tagged-client');
        await cluster().removeNetworks('tagged');
      },
      E2E_TIMEOUT_MS,
    );
  },
  CLUSTER_TOOLS,
);

async function sendMore(sender: Probe, packets: number): Promise<void> {
  const { sent } = await sender.report();
  await eventually(
    () => sender.report(),
    (now) => now.sent >= sent + packets,
  );
}

/** Nothing arrives any more, EVERYWHERE_MS from now. */
async function silence(counter: Probe, sender: Probe): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, EVERYWHERE_MS));
  const { received } = await counter.report();
  await sendMore(sender, 50);
  expect((await counter.report()).received).toBe(received);
}
