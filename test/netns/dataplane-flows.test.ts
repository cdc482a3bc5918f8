import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ProfileName } from '../../src/model/ids.js';
import { parseProfileName } from '../../src/model/ids.js';
import type { IpAddress } from '../../src/model/ip-address.js';
import { defaultProfile } from '../../src/model/profile.js';
import { DataplaneLab } from './dataplane-lab.js';
import { moveIntoContainer } from './test-container.js';
import { netnsUnavailable, startIn, type TestNamespace } from './test-namespace.js';

const unavailable = netnsUnavailable();
if (unavailable !== undefined) console.warn(`skipped: ${unavailable}`);

const PORT = 5000;
/** Prints its own source port's number once for each datagram. */
const RECEIVER = `require('dgram').createSocket('udp4').on('message', (m) => console.log(String(m))).bind(${PORT})`;
/** Sends its name 200 times a second. */
const SENDER = `const s = require('dgram').createSocket('udp4');
s.bind(() => setInterval(() => s.send(process.argv[1], ${PORT}, process.argv[2], () => {}), 5));`;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

(unavailable === undefined ? describe : describe.skip)('connections under way', () => {
  let lab: DataplaneLab;
  const containers: TestNamespace[] = [];
  const processes: { kill(): void }[] = [];
  const place = async (number: number, profile = 'web') => {
    const endpoint = await lab.putEndpoint(number, { profiles: [profile as ProfileName] });
    await lab.attach(endpoint);
    const container = await moveIntoContainer(lab.namespace, endpoint);
    containers.push(container);
    return { endpoint, container };
  };
  const start = (...args: Parameters<typeof startIn>) => {
    const started = startIn(...args);
    processes.push(started);
    return started;
  };
  const send = (from: TestNamespace, name: string, to: string) => start(from, process.execPath, '-e', SENDER, name, to);
  const until = async (holds: () => boolean) => {
    const deadline = performance.now() + 8_000;
    while (!holds() && performance.now() < deadline) await pause(20);
    expect(holds()).toBe(true);
  };

  beforeEach(async () => {
    lab = await DataplaneLab.create();
    await lab.start();
  });
  afterEach(async () => {
    for (const started of processes.splice(0)) started.kill();
    for (const container of containers.splice(0)) await container.dispose();
    await lab.dispose();
  });

  test('a policy that becomes stricter ends them, one that becomes looser does not, and others go on', async () => {
    const tag = (name: string) => ({
      action: 'allow',
      match: { protocol: 'any' },
      source: { tag: { value: name, negated: false } },
      destination: {},
    });
    const server = { ...defaultProfile(parseProfileName('server')), inbound: [tag('web'), tag('other')] } as never;
    await lab.putProfile(server);
    await lab.putProfile(defaultProfile(parseProfileName('other')));
    const target = await place(2, 'server');
    const [one, two] = [await place(3, 'web'), await place(4, 'other')];
    const received = start(target.container, process.execPath, '-e', RECEIVER).lines;
    const count = (name: string) => received.filter((line) => line === name).length;
    send(one.container, 'one', '10.64.0.2');
    send(two.container, 'two', '10.64.0.2');
    await until(() => count('one') > 20 && count('two') > 20);

    await lab.putProfile({ ...(server as object), inbound: [tag('other')] } as never);
    await lab.dataplane.settled();
    await pause(100);
    const [cut, before] = [count('one'), count('two')];
    await until(() => count('two') > before + 40);
    expect(count('one')).toBe(cut);

    await lab.putProfile(server);
    await lab.dataplane.settled();
    await until(() => count('one') > cut + 20);
    const flows = await lab.kernel.conntrack.list();
    expect(flows.filter(({ original }) => original.source === '10.64.0.4')).toHaveLength(1);
  });

  test('no denied packet passes while rules are rewritten, read back and flushed by hand', async () => {
    await lab.putProfile({ ...defaultProfile(parseProfileName('closed')), inbound: [] });
    const target = await place(2, 'closed');
    const source = await place(3, 'web');
    const received = start(target.container, process.execPath, '-e', RECEIVER).lines;
    send(source.container, 'denied', '10.64.0.2');
    await pause(300);
    for (let round = 0; round < 40; round++) {
      await lab.putProfile({
        ...defaultProfile(parseProfileName('closed')),
        tags: [`t${round}` as never],
        inbound: [],
      });
      await lab.dataplane.settled();
      // `security` stands guard behind the tables that people flush.
      if (round % 10 === 5) {
        const told = lab.dataplane.status().repairsTotal;
        for (const table of ['filter', 'mangle']) await lab.namespace.exec('iptables-nft', '-t', table, '-F');
        for (const table of ['filter', 'mangle']) {
          await lab.namespace.exec('iptables-nft', '-t', table, '-I', 'FORWARD', '1', '-j', 'ACCEPT');
        }
        await until(() => lab.dataplane.status().repairsTotal > told);
      }
      if (round % 10 === 0) await lab.dataplane.resync();
    }
    expect(received).toEqual([]);
    // The receiver does listen: the host may always reach it.
    send(lab.namespace, 'host', '10.64.0.2');
    await until(() => received.includes('host'));
    expect(received).not.toContain('denied');
  });

  test('the next holder of an address inherits no connection', async () => {
    const target = await place(2);
    const source = await place(3);
    const received = start(target.container, process.execPath, '-e', RECEIVER).lines;
    send(source.container, 'old', '10.64.0.2');
    await until(() => received.length > 10);
    await lab.dataplane.detach(target.endpoint);
    await lab.removeEndpoint(target.endpoint);
    await lab.dataplane.addressQuiet('10.64.0.2' as IpAddress);
    const flows = await lab.kernel.conntrack.list();
    expect(flows.filter(({ reply }) => reply.source === '10.64.0.2')).toEqual([]);
    await lab.putProfile({ ...defaultProfile(parseProfileName('closed')), inbound: [] });
    const endpoint = await lab.putEndpoint(200, {
      profiles: ['closed' as ProfileName],
      addresses: ['10.64.0.2' as IpAddress],
    });
    await lab.attach(endpoint);
    const next = await moveIntoContainer(lab.namespace, endpoint);
    containers.push(next);
    const heard = start(next, process.execPath, '-e', RECEIVER).lines;
    await pause(600);
    expect(heard).toEqual([]);
  });
});
