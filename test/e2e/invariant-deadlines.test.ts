import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Lab } from '../lab/lab.js';
import { describeInLab } from '../lab/needs.js';
import { CorduroyLab, E2E_TIMEOUT_MS, eventually } from './corduroy-host.js';
import { Streams } from './streams.js';

/** The deadline that Docker's calls have, and what a busy machine may add to it, in ms. */
const DEADLINE_MS = 2_000;
const EPSILON_MS = 600;

const id = (digit: string): string => digit.repeat(64);
const POOL = { AddressSpace: 'CorduroyLocal', Pool: '', SubPool: '', Options: {}, V6: false };

/** Calls as Docker makes them; each needs the datastore, but for those that must not. */
const CALLS = (network: string, poolId: string): readonly (readonly [string, object])[] => [
  ['IpamDriver.RequestPool', POOL],
  ['IpamDriver.RequestPool', { ...POOL, Pool: '10.90.0.0/24' }],
  ['IpamDriver.RequestAddress', { PoolID: poolId, Address: '', Options: {} }],
  ['IpamDriver.ReleaseAddress', { PoolID: poolId, Address: '10.64.0.77' }],
  ['IpamDriver.ReleasePool', { PoolID: poolId }],
  [
    'NetworkDriver.CreateNetwork',
    {
      NetworkID: id('a'),
      Options: {},
      IPv4Data: [{ AddressSpace: 'CorduroyLocal', Pool: '10.91.0.0/24', Gateway: '10.91.0.1/24' }],
      IPv6Data: [],
    },
  ],
  [
    'NetworkDriver.CreateEndpoint',
    {
      NetworkID: network,
      EndpointID: id('b'),
      Interface: { Address: '10.64.0.78/24', AddressIPv6: '', MacAddress: '' },
      Options: {},
    },
  ],
  ['NetworkDriver.Join', { NetworkID: network, EndpointID: id('b'), SandboxKey: '/x', Options: {} }],
  ['NetworkDriver.Leave', { NetworkID: network, EndpointID: id('b') }],
  ['NetworkDriver.DeleteEndpoint', { NetworkID: network, EndpointID: id('b') }],
  ['NetworkDriver.EndpointOperInfo', { NetworkID: network, EndpointID: id('b') }],
  ['NetworkDriver.ProgramExternalConnectivity', { NetworkID: network, EndpointID: id('b'), Options: {} }],
  ['NetworkDriver.DeleteNetwork', { NetworkID: id('a') }],
];
/** Answered from constants, whatever is down. */
const HANDSHAKE = [
  'Plugin.Activate',
  'NetworkDriver.GetCapabilities',
  'IpamDriver.GetCapabilities',
  'IpamDriver.GetDefaultAddressSpaces',
];

interface Answer {
  readonly method: string;
  readonly ms: number;
  readonly status: number;
  readonly reply: { readonly Err?: string; readonly Error?: string };
}

function ask(lab: CorduroyLab, method: string, body?: object): Promise<Answer> {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const socketPath = lab.host.path('/run/docker/plugins/corduroy.sock');
    const asked = request({ socketPath, method: 'POST', path: `/${method}` }, (response) => {
      let text = '';
      response.on('data', (part: Buffer) => {
        text += part.toString();
      });
      response.on('end', () =>
        resolve({
          method,
          ms: performance.now() - begun,
          status: response.statusCode ?? 0,
          reply: JSON.parse(text) as Answer['reply'],
        }),
      );
    });
    asked.on('error', reject);
    asked.end(body === undefined ? '' : JSON.stringify(body));
  });
}

describeInLab('the datastore away', () => {
  let lab: CorduroyLab;
  let streams: Streams;

  // Adopted by the host's init: a stopped child would stop the nsenter that waits for it.
  const startEtcd = async (): Promise<void> => {
    const flags = '--data-dir /var/lib/corduroy/etcd --unsafe-no-fsync --logger zap --log-level error';
    await lab.host.run('sh', '-c', `etcd ${flags} >/run/lab/etcd.log 2>&1 & echo $! >/run/lab/etcd.pid`);
    const health = ['curl', '-sf', '-m', '1', 'http://127.0.0.1:2379/health'];
    await eventually(
      () => lab.host.try(health),
      ({ exitCode }) => exitCode === 0,
      20_000,
    );
  };
  const signalEtcd = (signal: string) => lab.host.run('sh', '-c', `kill -${signal} $(cat /run/lab/etcd.pid)`);

  beforeAll(async () => {
    lab = new CorduroyLab(await Lab.up());
    await startEtcd();
    await lab.host.startCorduroy({ arguments: ['--datastore', 'etcd'] });
    streams = await Streams.start(lab, 'kept');
    // Made here: the reconciler leaves the young alone, and these are old enough when it looks at them.
    for (const name of ['away-frozen', 'away-killed']) {
      await lab.network(name);
      for (const n of [1, 2]) await lab.start(`${name}-${n}`, name);
    }
  }, E2E_TIMEOUT_MS);
  afterAll(async () => {
    if (process.env['CORDUROY_LAB_LOGS'] !== undefined) process.stderr.write(`${lab?.host.corduroyLog(400)}\n`);
    await lab?.lab.down();
  }, E2E_TIMEOUT_MS);

  test.each([
    { how: 'frozen', take: () => signalEtcd('STOP'), giveBack: () => signalEtcd('CONT') },
    { how: 'killed', take: () => signalEtcd('KILL'), giveBack: startEtcd },
  ])(
    '$how: each call of Docker is answered in time with a sentence, containers keep what they have, removal works, and all converges',
    async ({ how, take, giveBack }) => {
      const { host } = lab;
      const name = `away-${how}`;
      const network = await host.docker('network', 'inspect', '-f', '{{.Id}}', name);
      const pool = await ask(lab, 'IpamDriver.RequestPool', POOL);
      const poolId = (pool.reply as { readonly PoolID: string }).PoolID;
      expect(poolId).toEqual(expect.any(String));
      await streams.sendMore(10);

      await take();
      const answers: Answer[] = [];
      // All at once, as an engine with many clients would; then each again, as a client that waits would.
      answers.push(...(await Promise.all(CALLS(network, poolId).map(([method, body]) => ask(lab, method, body)))));
      for (const [method, body] of CALLS(network, poolId).slice(0, 4)) answers.push(await ask(lab, method, body));
      const late = answers.filter(({ ms }) => ms > DEADLINE_MS + EPSILON_MS);
      expect(late).toEqual([]);
      const failed = answers.filter(({ reply }) => reply.Err || reply.Error);
      expect(failed.length).toBeGreaterThan(8);
      for (const { reply } of failed) expect(reply.Err ?? reply.Error).toMatch(/^\S.{20,}[^.]$/s);
      for (const method of HANDSHAKE) {
        const { ms, status } = await ask(lab, method);
        expect({ method, status, soon: ms < 500 }).toEqual({ method, status: 200, soon: true });
      }

      const begun = performance.now();
      const refusal = await lab.refusal('run', '--rm', '--net', name, 'lab:1', 'true');
      expect(performance.now() - begun).toBeLessThan(15_000);
      expect(refusal).toMatch(/etcd|datastore/);
      process.stderr.write(`etcd ${how}: docker run says: ${refusal.trim().split('\n')[0]}\n`);
      await host.docker('rm', '-f', `${name}-1`);
      expect(JSON.parse((await host.tryCord('status', '-o', 'json')).stdout)).toMatchObject({
        datastore: { state: 'unavailable' },
      });

      await streams.sendMore(50);
      expect(await streams.intruders()).toEqual({});
      expect(await streams.lost()).toEqual({ missing: [], tail: 0 });

      await giveBack();
      await eventually(
        () => host.tryDocker('run', '-d', '--name', `${name}-3`, '--net', name, 'lab:1'),
        ({ exitCode }) => exitCode === 0,
        30_000,
      );
      await eventually(
        () => host.tryDocker('start', `${name}-3`),
        ({ exitCode }) => exitCode === 0,
        30_000,
      );
      const [two, three] = [await host.container(`${name}-2`), await host.container(`${name}-3`)];
      expect(await two.reaches(await three.address(name))).toBe(true);
      await lab.remove(`${name}-2`, `${name}-3`);
      await eventually(
        async () => JSON.parse(await host.cord('endpoint', 'list', '-o', 'json')) as { network: string | null }[],
        (endpoints) => !endpoints.some(({ network: on }) => on === name),
        150_000,
      );
      await lab.removeNetworks(name);
      expect(await streams.intruders()).toEqual({});
      expect(await streams.lost()).toEqual({ missing: [], tail: 0 });
    },
    4 * E2E_TIMEOUT_MS,
  );
}, ['etcd']);
