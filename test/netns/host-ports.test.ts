import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { eventually } from '../contracts/eventually.js';
import { netnsUnavailable, startIn, TestNamespace } from './test-namespace.js';

const PROCESS = fileURLToPath(new URL('./host-ports-process.js', import.meta.url));
const missing = netnsUnavailable();
if (missing !== undefined) process.stderr.write(`SKIPPED host ports: ${missing}\n`);

(missing === undefined ? describe : describe.skip)('ports of the host', () => {
  let host: TestNamespace;
  beforeEach(async () => {
    host = await TestNamespace.create('ports');
    await host.ip('address add 10.9.0.2/32 dev lo');
    await host.ip('address add fd09::2/128 dev lo nodad');
    await host.ip('address add 10.9.1.1/32 dev lo');
  });
  afterEach(() => host.dispose());

  const outcome = async (scenario: string, where = host): Promise<unknown> =>
    JSON.parse((await where.exec(process.execPath, PROCESS, scenario)).trim());

  test('that are published over TCP reach the container from the host itself, each direction ending alone', async () => {
    expect(await outcome('tcp')).toEqual({
      reserved: [],
      before: 'ECONNRESET',
      v4: 'hello',
      v6: 'hello',
      own: 'hello',
      big: `${4 * 1024 * 1024} bytes`,
    });
  });

  test("pass a container's reset on, and leak nothing", async () => {
    expect(await outcome('resets')).toEqual({ outcomes: ['ECONNRESET'], leaked: 0 });
  });

  test('that are published over UDP answer each client of the host, and are all closed at the release', async () => {
    // Two listeners' worth of sockets: the port's own, and one for each of three clients.
    expect(await outcome('udp')).toEqual({ before: 'nothing', v4: 'a!', v6: 'b!', own: 'c!', closed: 4 });
  });

  test('that a program has are named with it, and none of the others is kept', async () => {
    const script = `
      require('net').createServer().listen(18081, '127.0.0.1');
      const socket = require('dgram').createSocket('udp4'); socket.bind(18081, () => console.log('ready'));`;
    const program = startIn(host, process.execPath, '-e', script);
    try {
      await eventually(() => expect(program.lines).toEqual(['ready']));
      const named = expect.stringMatching(/^node \(process \d+\)$/);
      expect(await outcome('conflicts')).toEqual({
        found: [{ port: { protocol: 'tcp', hostPort: 18_081 }, program: named }],
        udp: [{ port: { protocol: 'udp', hostPort: 18_081 }, program: named }],
        second: [],
        again: [],
        ours: [{ port: { protocol: 'tcp', hostPort: 18_080 }, program: 'another published port' }],
        after: [],
        foreign: expect.stringMatching(/^InvalidRequestError: .*192\.0\.2\.1 is not an address of this host/),
        apart: [],
      });
    } finally {
      program.kill();
      await program.ended;
    }
  });

  test('give strangers nothing when address translation is missing', async () => {
    const outside = await TestNamespace.create('outside');
    await host.ip(`link add up0 type veth peer name down0 netns ${outside.name}`);
    await host.ip('address add 10.9.2.1/24 dev up0');
    await host.ip('link set up0 up');
    await outside.ip('address add 10.9.2.2/24 dev down0');
    await outside.ip('link set down0 up');
    await outside.ip('route add 10.9.1.1/32 via 10.9.2.1');
    const serving = startIn(host, process.execPath, PROCESS, 'stay');
    try {
      await eventually(() => expect(serving.lines).toEqual(['ready']));
      expect(await outcome('stranger', outside)).toEqual({ got: 'ECONNRESET' });
      expect(await outcome('stranger')).toEqual({ got: 'secret' });
    } finally {
      serving.kill();
      await serving.ended;
      await outside.dispose();
    }
  });
});
