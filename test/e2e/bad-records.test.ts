import { afterEach, beforeAll, expect, test } from '@jest/globals';
import { describeInLab } from '../lab/needs.js';
import type { Probe } from '../lab/probe-process.js';
import { E2E_TIMEOUT_MS, eventually, useCorduroy } from './corduroy-host.js';
import { EtcdOnHost } from './etcd-on-host.js';
import { unixHttp } from './unix-http.js';

const ARGUMENTS = ['--datastore', 'etcd'];
const ID = 'a'.repeat(64);
const header = (kind: string, rest: object) => JSON.stringify({ apiVersion: 'corduroy/v1', kind, ...rest });

/** One more record, and what `corduroy status` says about it. */
const MORE: readonly (readonly [key: string, text: string, problem: RegExp])[] = [
  ['node/ghost', '{"apiVersion":"corduroy/v1","kind":"No', /not JSON \(\d+ characters\)/],
  ['node/empty', '', /not JSON/],
  ['pool/10.9.0.0-24', header('Pool', { cidr: '10.9.0.0/24', blockSize: 'large' }), /field "blockSize"/],
  ['pool/10.8.0.0-24', '[]', /the record.*object/],
  ['network/future', '{"apiVersion":"corduroy/v9","kind":"Network","name":"future"}', /newer version of corduroy/],
  ['network/half', header('Network', { name: 'half', subnets: 'all' }), /field "subnets"/],
  ['nodenetwork/h1/nonsense', header('NodeNetwork', { node: 'h1', dockerNetworkId: 'x' }), /field "dockerNetworkId"/],
  ['profile/BAD', header('Profile', { name: 'BAD', tags: [], inbound: ['banana'], outbound: [] }), /field "inbound/],
  [
    'profile/OTHER',
    header('Profile', { name: 'ANOTHER', mode: 'enforce', tags: [], inbound: [], outbound: [] }),
    /belongs at .*ANOTHER/,
  ],
  [`endpoint/h1/${ID}`, header('Endpoint', { id: ID, node: 'h1', addresses: ['10.0.0.999'] }), /field "addresses.0"/],
  ['endpoint/h1/../../x', 'null', /the record.*object/],
  ['subnet/10.64.200.0-24', header('Subnet', { cidr: '10.64.200.0/24', use: 7 }), /field "use"/],
];

describeInLab('records that cannot be read', () => {
  const corduroy = useCorduroy({ start: false });
  let etcd: EtcdOnHost;
  let stream: Probe;
  let server: string;

  const key = (rest: string) => `/corduroy/v1/${rest}`;
  const badRecords = async () => {
    const { body } = await unixHttp(corduroy().host.path('/run/corduroy/corduroy.sock'), 'GET', '/status');
    return new Map((body['badRecords'] as { key: string; problem: string }[]).map((r) => [r.key, r.problem]));
  };
  const restart = async () => {
    await corduroy().host.stopCorduroy('SIGTERM');
    await corduroy().host.startCorduroy({ arguments: ARGUMENTS });
  };
  const received = async () => (await stream.report()).received;
  const goesOn = async () => {
    const before = await received();
    await eventually(received, (now) => now >= before + 5);
  };
  /** Nothing for 30 packets, once it has stopped. */
  const stops = async () => {
    const quiet = async () => {
      const before = await stream.report();
      await eventually(
        () => stream.report(),
        ({ sent }) => sent >= before.sent + 30,
      );
      return (await received()) - before.received;
    };
    await eventually(quiet, (passed) => passed === 0);
  };

  /** All of those that the daemon watches. */
  const allGood = () =>
    eventually(badRecords, (records) => [...records.keys()].every((bad) => /[/](subnet|block)[/]/.test(bad)));

  afterEach(async () => {
    for (const [rest] of MORE) await etcd.delete(key(rest));
  });

  beforeAll(async () => {
    const lab = corduroy();
    etcd = await EtcdOnHost.start(lab.host);
    await lab.host.startCorduroy({ arguments: ARGUMENTS });
    await lab.network('web', '--subnet', '10.64.7.0/24');
    await lab.network('other', '--subnet', '10.64.8.0/24');
    await lab.start('other-1', 'other');
    const container = await lab.start('server', 'web');
    server = await container.address('web');
    await container.probe('echo', '7900');
    stream = await (await lab.start('client', 'web')).probe('send', server, '7900', '100');
    await eventually(received, (count) => count >= 5);
  }, 2 * E2E_TIMEOUT_MS);

  test(
    'beside good ones are told by key and field, stay as they are, and hinder nobody',
    async () => {
      const lab = corduroy();
      for (const [rest, text] of MORE) await etcd.put(key(rest), text);
      await restart();
      // Address management looks at its records from time to time.
      const found = await eventually(badRecords, (records) => records.has(key('subnet/10.64.200.0-24')), 30_000);
      for (const [rest, , problem] of MORE)
        expect([rest, found.get(key(rest))]).toEqual([rest, expect.stringMatching(problem)]);
      expect(found.size).toBe(MORE.length);
      expect(await lab.host.cord('status')).toContain(key('network/future'));

      await goesOn();
      await lab.network('new');
      const one = await lab.start('new-1', 'new');
      const two = await lab.start('new-2', 'new');
      expect(await one.reaches(await two.address('new'))).toBe(true);
      await lab.remove('new-1', 'new-2');
      await lab.removeNetworks('new');
      const after = await etcd.records();
      for (const [rest, text] of MORE) expect([rest, after.get(key(rest))]).toEqual([rest, text]);
      expect(await stream.report()).toMatchObject({ missingCount: 0 });
    },
    E2E_TIMEOUT_MS,
  );

  test.each([
    { kind: 'endpoint', of: () => 'server', denied: true },
    { kind: 'profile', of: () => '/web', denied: true },
    { kind: 'network', of: () => '/web', denied: true },
    { kind: 'nodenetwork', of: () => '"web"', denied: true },
    { kind: 'pool', of: () => '10.64.0.0/12', denied: false },
    { kind: 'subnet', of: () => '10.64.7.0/24', denied: false },
    // Which of the network's is the host's to say.
    { kind: 'block', of: () => '10.64.7.', denied: false },
    { kind: 'handle', of: () => server, denied: false },
    { kind: 'node', of: () => 'h1', denied: false },
  ])(
    'a $kind that was good: what depends on it is denied ($denied), others go on, and it works again when put right',
    async ({ kind, of, denied }) => {
      const lab = corduroy();
      const [spoilt, text] =
        [...(await etcd.records())].find(([k, v]) => k.startsWith(key(`${kind}/`)) && `${k} ${v}`.includes(of())) ?? [];
      if (spoilt === undefined || text === undefined) throw new Error(`there is no ${kind} with ${of()}`);
      const broken = text.slice(0, -9);
      await etcd.put(spoilt, broken);
      if (denied) await stops();
      await restart();
      if (denied) await stops();
      else await goesOn();
      if (kind !== 'block' && kind !== 'handle') {
        // Address management looks at its records from time to time.
        const found = await eventually(badRecords, (records) => records.has(spoilt), 30_000);
        expect(found.get(spoilt)).toMatch(/not JSON/);
      } else {
        const check = await lab.host.tryCord('ipam', 'check', '--repair');
        expect([check.exitCode, check.stdout + check.stderr]).toEqual([1, expect.stringContaining(spoilt)]);
      }
      const one = await lab.start('beside', 'other').catch((error: Error) => error);
      // Only a pool or the node's own record is everybody's: then the refusal names it.
      if (one instanceof Error) expect(one.message).toMatch(kind === 'pool' ? /pool/ : /never/);
      else expect(await one.reaches(await (await lab.host.container('other-1')).address('other'))).toBe(true);
      await lab.host.tryDocker('rm', '-f', 'beside');

      expect((await etcd.records()).get(spoilt)).toBe(broken);
      await etcd.put(spoilt, text);
      await goesOn();
      await allGood();
    },
    E2E_TIMEOUT_MS,
  );
}, ['etcd', 'etcdctl']);
