import { connect } from 'node:net';
import { beforeAll, expect, test } from '@jest/globals';
import { adminRoutes } from '../../src/server/admin/admin-app.js';
import { describeInLab } from '../lab/needs.js';
import type { Probe } from '../lab/probe-process.js';
import { E2E_TIMEOUT_MS, useCorduroy } from './corduroy-host.js';
import { EtcdOnHost } from './etcd-on-host.js';
import { goodRequests, mutations } from './hostile-bodies.js';
import { type HttpReply, unixHttp } from './unix-http.js';
import { wholeKernel } from './whole-kernel.js';

const PLUGIN = '/run/docker/plugins/corduroy.sock';
const ADMIN = '/run/corduroy/corduroy.sock';
/** What the daemon may grow by while it is attacked, in MiB: a few bodies of 8 MiB are read at once. */
const MEMORY_MARGIN_MIB = 250;

describeInLab('whatever is sent to the sockets of a daemon with live containers', () => {
  const corduroy = useCorduroy({ start: false });
  let etcd: EtcdOnHost;
  let stream: Probe;
  let before: unknown;
  let memoryBefore: number;
  let live: { readonly networkId: string; readonly endpointId: string; readonly address: string };

  const post = (method: string, body: unknown) => unixHttp(corduroy().host.path(PLUGIN), 'POST', `/${method}`, body);
  const admin = (method: string, path: string, body?: unknown) =>
    unixHttp(corduroy().host.path(ADMIN), method, path, body);
  const state = async () => ({
    records: Object.fromEntries(await etcd.records()),
    kernel: await wholeKernel(corduroy().host),
  });
  const memoryMib = async () => {
    const pid = (await corduroy().host.run('cat', '/run/lab/corduroy.pid')).trim();
    const status = await corduroy().host.run('cat', `/proc/${pid}/status`);
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
  };

  beforeAll(async () => {
    const lab = corduroy();
    etcd = await EtcdOnHost.start(lab.host);
    // Without pools of their own, requests for subnets leave no trace.
    await lab.host.startCorduroy({ arguments: ['--datastore', 'etcd', '--auto-pools', 'false'] });
    await lab.network('web', '--subnet', '10.64.7.0/24');
    await lab.network('other', '--subnet', '10.64.8.0/24');
    const server = await lab.start('server', 'web', '-p', '8080:80');
    const client = await lab.start('client', 'web');
    const address = await server.address('web');
    const [networkId = '', endpointId = ''] = (
      await lab.host.docker(
        'inspect',
        '-f',
        '{{.NetworkSettings.Networks.web.NetworkID}} {{.NetworkSettings.Networks.web.EndpointID}}',
        'server',
      )
    ).split(' ');
    live = { networkId, endpointId, address };
    await server.probe('echo', '7900');
    stream = await client.probe('send', address, '7900', '100');
    while ((await stream.report()).received < 20) await new Promise((resolve) => setTimeout(resolve, 20));
    before = await state();
    memoryBefore = await memoryMib();
  }, 2 * E2E_TIMEOUT_MS);

  /** Nothing is other than before, the daemon answers at once, and the containers' packets went on. */
  const expectUnmoved = async () => {
    const began = performance.now();
    expect(await post('Plugin.Activate', '')).toMatchObject({ status: 200 });
    expect(await admin('GET', '/status')).toMatchObject({ status: 200, body: { ready: true, badRecords: [] } });
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(await state()).toEqual(before);
    const { received } = await stream.report();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const report = await stream.report();
    expect(report.received).toBeGreaterThan(received);
    expect(report).toMatchObject({ missingCount: 0 });
    expect(await memoryMib()).toBeLessThan(memoryBefore + MEMORY_MARGIN_MIB);
  };

  test(
    'recorded requests with every field wrong: an answer in one sentence',
    async () => {
      const answers: string[] = [];
      let sent = 0;
      for (const { path, about, body } of mutations()) {
        const reply = await post(path.slice(1), body);
        sent++;
        const problem = problemOf(path, reply);
        if (problem !== undefined) answers.push(`${about}: ${problem}`);
        if (reply.status === 200 && complaintOf(path, reply) === undefined) await takeBack(path, body, reply);
      }
      expect(answers).toEqual([]);
      expect(sent).toBeGreaterThan(1_000);
      await expectUnmoved();
    },
    2 * E2E_TIMEOUT_MS,
  );

  /** What was accepted all the same, because the field does not matter. */
  async function takeBack(path: string, body: string, reply: HttpReply): Promise<void> {
    if (path === '/NetworkDriver.CreateNetwork') await post('NetworkDriver.DeleteNetwork', body);
    if (path === '/IpamDriver.RequestPool') await post('IpamDriver.ReleasePool', { PoolID: reply.body['PoolID'] });
  }

  test(
    'calls about live endpoints that cannot be right are refused, or do nothing',
    async () => {
      const { networkId, endpointId, address } = live;
      const otherNetwork = (await corduroy().host.docker('network', 'inspect', '-f', '{{.Id}}', 'other')).trim();
      const unknown = 'e'.repeat(64);
      const interfaceWith = (Address: string, MacAddress = '') => ({ Address, AddressIPv6: '', MacAddress });
      const refused: readonly (readonly [string, object, RegExp])[] = [
        ['Join', { NetworkID: networkId, EndpointID: unknown, SandboxKey: '/x' }, /is not known on network/],
        ['Join', { NetworkID: otherNetwork, EndpointID: endpointId, SandboxKey: '/x' }, /is not known on network/],
        [
          'CreateEndpoint',
          { NetworkID: networkId, EndpointID: endpointId, Interface: interfaceWith('10.64.7.99/32') },
          /made otherwise/,
        ],
        [
          'CreateEndpoint',
          { NetworkID: networkId, EndpointID: unknown, Interface: interfaceWith(`${address}/32`) },
          /10\.64\.7\.\d+/,
        ],
        [
          'CreateEndpoint',
          { NetworkID: networkId, EndpointID: unknown, Interface: interfaceWith('10.64.7.1/32') },
          /10\.64\.7\.1/,
        ],
        [
          'CreateEndpoint',
          { NetworkID: networkId, EndpointID: unknown, Interface: interfaceWith('192.0.2.1/32') },
          /does not belong/,
        ],
        [
          'CreateEndpoint',
          { NetworkID: unknown, EndpointID: unknown, Interface: interfaceWith('10.64.7.9/32') },
          /is not known to this node/,
        ],
        ['ProgramExternalConnectivity', { NetworkID: networkId, EndpointID: unknown, Options: {} }, /is not known on/],
        [
          'CreateNetwork',
          {
            NetworkID: networkId,
            Options: {},
            IPv4Data: [{ AddressSpace: 'CorduroyLocal', Pool: '10.64.9.0/24' }],
            IPv6Data: [],
          },
          /made otherwise/,
        ],
      ];
      for (const [method, body, says] of refused) {
        const reply = await post(`NetworkDriver.${method}`, body);
        expect([method, complaintOf('/NetworkDriver', reply)]).toEqual([method, expect.stringMatching(says)]);
      }
      const nothing: readonly (readonly [string, object])[] = [
        ['Join', { NetworkID: networkId, EndpointID: endpointId, SandboxKey: '/x' }],
        ['Leave', { NetworkID: otherNetwork, EndpointID: endpointId }],
        ['DeleteEndpoint', { NetworkID: otherNetwork, EndpointID: endpointId }],
        ['RevokeExternalConnectivity', { NetworkID: otherNetwork, EndpointID: endpointId }],
        ['Leave', { NetworkID: networkId, EndpointID: unknown }],
        ['DeleteEndpoint', { NetworkID: networkId, EndpointID: unknown }],
        ['DeleteNetwork', { NetworkID: unknown }],
        ['EndpointOperInfo', { NetworkID: unknown, EndpointID: unknown }],
      ];
      for (const [method, body] of nothing) {
        const reply = await post(`NetworkDriver.${method}`, body);
        expect([method, reply.status, complaintOf('/NetworkDriver', reply)]).toEqual([method, 200, undefined]);
      }
      const [poolId] = Object.values((before as { records: Record<string, string> }).records).flatMap((text) => {
        const record = JSON.parse(text) as { subnet?: string; references?: { id: string }[] };
        return record.subnet === '10.64.7.0/24' && record.references
          ? [`10.64.7.0/24;;${record.references[0]?.id}`]
          : [];
      });
      const taken = await post('IpamDriver.RequestAddress', { PoolID: poolId, Address: address, Options: null });
      expect(taken.body['Error']).toMatch(/cannot be given: it is held by .*server/);
      await post('IpamDriver.ReleaseAddress', { PoolID: poolId, Address: '10.64.8.1' });
      await expectUnmoved();

      // This one is noted, for when the endpoint goes; until then nobody else gets the address.
      await post('IpamDriver.ReleaseAddress', { PoolID: poolId, Address: address });
      const again = await post('IpamDriver.RequestAddress', { PoolID: poolId, Address: address, Options: null });
      expect(again.body['Error']).toMatch(/cannot be given: it is held by .*server/);
      before = await state();
      await expectUnmoved();
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'bodies that are not JSON, not small, or not there; verbs that do not exist',
    async () => {
      const methods = [...new Set([...goodRequests().keys()].map((shape) => shape.split(' ')[0]?.slice(1) ?? ''))];
      const deep = '['.repeat(100_000) + ']'.repeat(100_000);
      const texts = ['', '{', '[]', 'null', '"x"', '7', '{"a":', '\u0000', 'not json', '{}{}', '\uFEFF{}', deep];
      for (const method of methods) {
        for (const text of texts) {
          const reply = await post(method, text);
          expect([method, text.slice(0, 20), problemOf(`/${method}`, reply)]).toEqual([
            method,
            text.slice(0, 20),
            undefined,
          ]);
          // What Docker's plugin protocol lets pass with any object, and nothing else, may succeed.
          if (reply.status === 200) expect(text).toBe('{}');
        }
        for (const verb of ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
          const { status } = await unixHttp(corduroy().host.path(PLUGIN), verb, `/${method}`);
          expect([method, verb, status]).toEqual([method, verb, 405]);
        }
      }
      for (const path of [
        '/',
        '/NetworkDriver.',
        '/NetworkDriver.Dance',
        '/Plugin.Activate/../x',
        '/%00',
        `/${'x'.repeat(4_000)}`,
      ]) {
        expect([path, (await unixHttp(corduroy().host.path(PLUGIN), 'POST', path, {})).status]).toEqual([path, 404]);
      }
      const huge = `{"NetworkID":"${'f'.repeat(10_000_000)}"}`;
      const replies = await Promise.all(Array.from({ length: 8 }, () => post('NetworkDriver.CreateNetwork', huge)));
      expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 413));
      await expectUnmoved();
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'connections without an end, in crowds, and with rubbish on them',
    async () => {
      const rubbish = [
        'GARBAGE\r\n\r\n',
        '\u0016\u0003\u0001\u0002\u0000\u0001\u0000',
        'POST /NetworkDriver.Join HTTP/1.1\r\nContent-Length: -5\r\n\r\n',
        'POST /NetworkDriver.Join HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
        `POST /NetworkDriver.Join HTTP/1.1\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`,
        'POST /NetworkDriver.Join HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
        'CONNECT / HTTP/1.1\r\n\r\n',
        'GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
      ];
      for (const socket of [PLUGIN, ADMIN]) {
        for (const text of rubbish) await speak(corduroy().host.path(socket), text);
        const slow = await Promise.all(
          Array.from({ length: 300 }, (_, n) =>
            open(
              corduroy().host.path(socket),
              n % 2 === 0
                ? 'POST /NetworkDriver.Join HTTP/1.1\r\nHos'
                : 'POST /Plugin.Activate HTTP/1.1\r\nContent-Length: 9\r\n\r\n{',
            ),
          ),
        );
        const began = performance.now();
        expect((await post('Plugin.Activate', '')).status).toBe(200);
        expect(performance.now() - began).toBeLessThan(500);
        for (const connection of slow) connection.destroy();
      }
      const one = 'POST /Plugin.Activate HTTP/1.1\r\nHost:\r\nContent-Length: 0\r\n\r\n';
      const bad = 'POST /NetworkDriver.Join HTTP/1.1\r\nHost:\r\nContent-Length: 2\r\n\r\n[]';
      const last = one.replace('Host:', 'Host:\r\nConnection: close');
      const answers = await speak(corduroy().host.path(PLUGIN), `${one}${bad}${last}`, 10_000);
      expect(answers.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400', 'HTTP/1.1 200']);
      const crowd = await Promise.all(
        Array.from({ length: 1_000 }, () => post('NetworkDriver.Leave', '{"NetworkID":7}')),
      );
      expect(new Set(crowd.map(({ status }) => status))).toEqual(new Set([400]));
      await expectUnmoved();
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'the admin API: every operation with absurd names and bodies',
    async () => {
      const names = [
        '..%2F..%2Fetc',
        '%00',
        '%0A',
        'a%20b',
        '%F0%9F%92%A5',
        `${'x'.repeat(5_000)}`,
        '__proto__',
        '%',
        "'%22",
      ];
      const bodies = [
        '{',
        '[]',
        '7',
        'null',
        '"x"',
        '{"cidrs":7}',
        '{"rules":{"inbound":"x"}}',
        '{"pools":[{"cidr":"x"}]}',
        '{"profiles":["a b"]}',
        '{"first":"x"}',
        '{"mode":"x"}',
        '{"rule":"banana"}',
      ];
      const wrong: string[] = [];
      for (const { method, path } of adminRoutes) {
        if (!path.includes(':') && method === 'get') continue;
        for (const name of path.includes(':') ? names : ['']) {
          for (const body of method === 'get' || method === 'delete' ? [undefined] : bodies) {
            const reply = await admin(method.toUpperCase(), path.replaceAll(/:\w+/g, name), body);
            const { error, remedy } = reply.body;
            const clear =
              typeof error === 'string' &&
              typeof remedy === 'string' &&
              error !== '' &&
              remedy !== '' &&
              !/\n/.test(error + remedy);
            if (reply.status < 400 || reply.status >= 500 || !clear) {
              wrong.push(`${method} ${path} ${name.slice(0, 20)} ${body}: ${reply.status} ${reply.text.slice(0, 300)}`);
            }
          }
        }
      }
      expect(wrong).toEqual([]);
      expect((await admin('POST', '/profiles', `{"profiles":["${'x'.repeat(10_000_000)}"]}`)).status).toBe(413);
      await expectUnmoved();
    },
    E2E_TIMEOUT_MS,
  );
}, ['etcd', 'etcdctl']);

/** What Docker would print of an answer; undefined: success. */
function complaintOf(path: string, { status, body }: HttpReply): string | undefined {
  const text = body[status === 200 && path.startsWith('/IpamDriver') ? 'Error' : 'Err'];
  return typeof text === 'string' && text !== '' ? text : undefined;
}

/** What is wrong with an answer itself: it must be a success, or one sentence. */
function problemOf(path: string, reply: HttpReply): string | undefined {
  const complaint = complaintOf(path, reply);
  if (reply.status === 200 && complaint === undefined)
    return reply.text.startsWith('{') ? undefined : `says ${reply.text}`;
  if (complaint === undefined) return `status ${reply.status} without words: ${reply.text.slice(0, 100)}`;
  if (![200, 400, 413].includes(reply.status)) return `status ${reply.status}: ${complaint.slice(0, 200)}`;
  if (/internal error|undefined|\[object|NaN|[\r\n]/.test(complaint) || complaint.length > 1_500)
    return complaint.slice(0, 300);
  return undefined;
}

/** Sends text on a connection of its own; what came back until it was closed, or a moment had passed. */
async function speak(socketPath: string, text: string, limitMs = 200): Promise<string> {
  const connection = await open(socketPath, text);
  let said = '';
  connection.on('data', (part) => {
    said += String(part);
  });
  await new Promise((resolve) => {
    connection.on('close', resolve);
    setTimeout(resolve, limitMs);
  });
  connection.destroy();
  return said;
}

function open(socketPath: string, text: string) {
  return new Promise<ReturnType<typeof connect>>((resolve, reject) => {
    const connection = connect(socketPath, () => connection.write(text, () => resolve(connection)));
    connection.on('error', reject);
  });
}
