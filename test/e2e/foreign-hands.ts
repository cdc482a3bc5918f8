import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Lab } from '../lab/lab.js';
import { describeInLab } from '../lab/needs.js';
import { CorduroyLab, E2E_TIMEOUT_MS, eventually } from './corduroy-host.js';
import { Streams } from './streams.js';
import { wholeKernel } from './whole-kernel.js';

/** Longest time until damage of which the kernel tells nobody is found, and put right, on a busy machine. */
const REPAIR_MS = 50_000;

interface Deed {
  readonly deed: string;
  /** Shell, run on the host; `$SERVER` is the server's address, `$LINK` its host side, `$SAVE` iptables-save, and so on. */
  readonly script: string;
}

const EACH_HOOK = `
  for table in raw mangle nat filter security; do
    $TABLES -t $table -S | grep -E '^-A (PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING) .*-[jg] cord-' |
      sed 's/^-A /-D /' | while read -r rule; do eval "$TABLES -t $table $rule"; sleep 0.1; done; sleep $PAUSE
  done`;
const EACH_CHAIN = `
  for table in raw mangle nat filter security; do
    $TABLES -t $table -S | sed -n 's/^-N \\(cord-.*\\)/\\1/p' | while read -r chain; do
      $TABLES -t $table -F $chain; sleep 0.05; done; sleep $PAUSE
  done`;
const ACCEPT_IN_EACH_CHAIN = `
  for table in raw mangle filter security; do
    $TABLES -t $table -S | sed -n 's/^-N \\(cord-.*\\)/\\1/p' | while read -r chain; do
      $TABLES -t $table -I $chain 1 -j ACCEPT; sleep 0.05; done; sleep $PAUSE
  done`;

const DEEDS: readonly Deed[] = [
  { deed: 'the forward hook of filter flushed', script: '$TABLES -F FORWARD' },
  { deed: 'the whole of filter flushed', script: '$TABLES -F' },
  { deed: 'the whole of mangle flushed', script: '$TABLES -t mangle -F' },
  {
    deed: 'mangle, filter and nat flushed at one time',
    script: '$TABLES -P FORWARD ACCEPT; $TABLES -t mangle -F; $TABLES -F; $TABLES -t nat -F',
  },
  { deed: 'the whole of security flushed', script: '$TABLES -t security -F' },
  { deed: 'an ACCEPT above ours in security', script: '$TABLES -t security -I FORWARD 1 -j ACCEPT' },
  { deed: 'the whole of raw and nat flushed', script: '$TABLES -t raw -F; $TABLES -t nat -F' },
  { deed: 'each of our hooks deleted, one after the other', script: EACH_HOOK },
  { deed: 'each of our chains emptied, one after the other', script: EACH_CHAIN },
  { deed: 'an ACCEPT at the head of each of our chains', script: ACCEPT_IN_EACH_CHAIN },
  { deed: 'an ACCEPT above ours in filter', script: '$TABLES -I FORWARD 1 -j ACCEPT; $TABLES -I INPUT 1 -j ACCEPT' },
  { deed: 'an ACCEPT above ours in mangle', script: '$TABLES -t mangle -I FORWARD 1 -j ACCEPT' },
  { deed: 'an ACCEPT above ours in raw', script: '$TABLES -t raw -I PREROUTING 1 -j ACCEPT' },
  {
    deed: 'our sets emptied',
    script: 'for set in $(ipset list -n | grep ^cord); do ipset flush $set; done',
  },
  { deed: "members added to and deleted from tags' sets", script: 'ipset del $TAG $SERVER; ipset add $TAG 192.0.2.1' },
  {
    deed: 'our routes deleted',
    script: `ip -4 route show proto 80 | sed 's/ scope link//' | while read -r route; do ip route del $route; done
             ip -6 route show proto 80 | while read -r route; do ip -6 route del $route; done`,
  },
  { deed: 'the host side set down', script: 'ip link set $LINK down' },
  { deed: 'the host side given another MAC address', script: 'ip link set $LINK address 02:00:00:00:00:77' },
  { deed: 'the neighbour deleted', script: 'ip neigh del $SERVER dev $LINK' },
  {
    deed: "the host side's settings changed",
    script: `for setting in rp_filter=0 proxy_arp=0 forwarding=0 route_localnet=1 accept_redirects=1; do
               sysctl -qw net.ipv4.conf.$LINK.$setting; done; sysctl -qw net.ipv6.conf.$LINK.accept_ra=2`,
  },
  {
    deed: "the host's forwarding switched off",
    script: 'sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0',
  },
];

const isOurs = (line: string): boolean => /cord|proto 80|169\.254\./.test(line);
const ours = (lines: readonly string[]): readonly string[] => lines.filter(isOurs);
const others = (lines: readonly string[]): readonly string[] =>
  // Forwarding is the one setting of the host's own that is kept as it must be.
  lines.filter(
    (line) =>
      !isOurs(line) &&
      !/^sysctl .*(forwarding|ip_forward|accept_redirects|send_redirects|mc_forwarding|accept_ra)/.test(line),
  );

/** Nobody's rule stands before ours where ours must be first. */
async function oursComeFirst(lab: CorduroyLab, tables: string): Promise<void> {
  const heads = [
    'raw -S PREROUTING',
    ...['mangle', 'security'].flatMap((table) => [`${table} -S FORWARD`, `${table} -S INPUT`]),
  ];
  await eventually(
    () =>
      Promise.all(
        heads.map(async (head) => (await lab.host.run(tables, '-w', '-t', ...head.split(' '))).split('\n')[1]),
      ),
    (rules) => rules.every((rule) => rule?.includes('cord-')),
  );
}

/** Registers the tests of what others do to a kernel with one of the backends of iptables. */
export function describeForeignHands(backend: 'nft' | 'legacy'): void {
  describeInLab(`what others do to a kernel with iptables-${backend}`, () => {
    let lab: CorduroyLab;
    let streams: Streams;
    let environment: string;
    const TABLES = `iptables-${backend}`;

    beforeAll(async () => {
      lab = new CorduroyLab(await Lab.up({ engines: false }));
      // The lab's /etc is its own.
      for (const tool of ['iptables', 'ip6tables']) {
        for (const verb of ['', '-save', '-restore']) {
          await lab.host.run('ln', '-sf', `/usr/sbin/${tool}-${backend}${verb}`, `/etc/alternatives/${tool}${verb}`);
        }
      }
      await lab.host.startDockerd({ settings: { 'live-restore': true } });
      await lab.host.run('ipset', 'create', 'theirs', 'hash:ip');
      await lab.host.run('iptables', '-t', 'mangle', '-A', 'PREROUTING', '-p', 'tcp', '-j', 'RETURN');
      await lab.host.startCorduroy();
      streams = await Streams.start(lab, 'fort');
      const link = /dev (cord\w+)/.exec(await lab.host.run('ip', 'route', 'show', streams.address))?.[1];
      const rule = await lab.host.run(
        'sh',
        '-c',
        `${TABLES} -t mangle -S | grep -o 'match-set cord4[^ ]*t[^ ]*' | head -1`,
      );
      environment = `PAUSE=${backend === 'nft' ? 1.5 : 3} TABLES=${TABLES} SERVER=${streams.address} LINK=${link} TAG=${rule.split(' ')[1]}`;
    }, 2 * E2E_TIMEOUT_MS);
    afterAll(async () => {
      if (process.env['CORDUROY_LAB_LOGS'] !== undefined) process.stderr.write(`${lab?.host.corduroyLog(400)}\n`);
      await lab?.lab.down();
    }, E2E_TIMEOUT_MS);

    test('ours is the backend that this host uses', async () => {
      expect(JSON.parse(await lab.host.cord('status', '-o', 'json'))).toMatchObject({ kernel: { backend } });
      expect(await lab.host.run('iptables', '--version')).toContain(backend === 'nft' ? 'nf_tables' : 'legacy');
    });

    test.each(DEEDS)(
      '$deed: no denied packet passes, and it is put right',
      async ({ script }) => {
        await streams.sendMore(10);
        const intruders = await streams.intruders();
        const before = await wholeKernel(lab.host);
        await lab.host.run('sh', '-c', `${environment}; ${script}`);
        const damaged = await wholeKernel(lab.host);
        const repaired = await eventually(
          () => wholeKernel(lab.host),
          (now) => JSON.stringify(ours(now)) === JSON.stringify(ours(before)),
          REPAIR_MS,
        ).catch(() => wholeKernel(lab.host));
        await oursComeFirst(lab, TABLES);
        expect(ours(repaired).filter((line) => !before.includes(line))).toEqual([]);
        expect(ours(before).filter((line) => !repaired.includes(line))).toEqual([]);
        await streams.friendIsHeard();
        await streams.sendMore(10);
        expect(await streams.intruders()).toEqual(intruders);
        // What depends on forwarding comes back with it.
        expect([others(damaged), others(before)]).toContainEqual(others(repaired));
        await lab.host.run(
          'sh',
          '-c',
          `for rule in "FORWARD" "INPUT"; do ${TABLES} -D $rule -j ACCEPT; done 2>&1; ${TABLES} -t mangle -D FORWARD -j ACCEPT; ${TABLES} -t raw -D PREROUTING -j ACCEPT; ${TABLES} -t security -D FORWARD -j ACCEPT; true`,
        );
      },
      2 * E2E_TIMEOUT_MS,
    );

    test(
      'the engine restarted, with its rules inserted anew: no denied packet passes, no allowed one is lost',
      async () => {
        const before = (await streams.lost()).missing.length;
        const intruders = await streams.intruders();
        await lab.host.stopDockerd('SIGKILL');
        await streams.sendMore(20);
        await lab.host.startDockerd({ settings: { 'live-restore': true } });
        await streams.sendMore(50);
        expect(await streams.intruders()).toEqual(intruders);
        expect((await streams.lost()).missing.length).toBe(before);
        await oursComeFirst(lab, TABLES);
      },
      E2E_TIMEOUT_MS,
    );

    // Two layers stand against one mistake; who takes away both at once opens what they closed until they are back.
    test(
      'mangle, filter and security flushed at one time: open for no longer than the repair takes, and nothing that began then goes on',
      async () => {
        await lab.host.run(TABLES, '-P', 'FORWARD', 'ACCEPT');
        const before = await streams.intruders();
        await lab.host.run('sh', '-c', `${TABLES} -t mangle -F; ${TABLES} -t security -F; ${TABLES} -F`);
        const begun = performance.now();
        await eventually(
          () => lab.host.run('sh', '-c', `for t in mangle security filter; do ${TABLES} -t $t -S FORWARD; done`),
          (rules) => rules.match(/-j cord-/g)?.length === 2,
          REPAIR_MS,
        );
        const openMs = Math.round(performance.now() - begun);
        await new Promise((resolve) => setTimeout(resolve, 500));
        const intruders = await streams.intruders();
        process.stderr.write(
          `iptables-${backend}, mangle, filter and security flushed at one time: repaired after ${openMs} ms; meanwhile there arrived ${JSON.stringify(intruders)} (before: ${JSON.stringify(before)}), of 200 a second each\n`,
        );
        await streams.friendIsHeard();
        await streams.sendMore(50);
        expect(await streams.intruders()).toEqual(intruders);
        expect(openMs).toBeLessThan(5_000);
      },
      E2E_TIMEOUT_MS,
    );
  });
}
