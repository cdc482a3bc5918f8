import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import type { HostPort } from '../../src/effects/host-ports.js';
import { silentLogger } from '../../src/effects/logger.js';
import { LinuxHostPorts } from '../../src/infrastructure/linux/linux-host-ports.js';
import { parseIpAddress } from '../../src/model/ip-address.js';

/**
 * Runs one scenario in the namespace it was started in and prints its outcome as JSON. 10.9.0.2 and fd09::2 stand for a
 * container there, 10.9.1.1 for the host's address.
 *
 * usage: host-ports-process.js SCENARIO
 */
const addresses = [parseIpAddress('10.9.0.2'), parseIpAddress('fd09::2')];
const TCP: HostPort = { protocol: 'tcp', hostPort: 18_080 };
const UDP: HostPort = { protocol: 'udp', hostPort: 18_053 };
const BIG = 4 * 1024 * 1024;

const ports = new LinuxHostPorts(silentLogger);
const serve = (...list: readonly HostPort[]) =>
  ports.serve({ owner: 'one', targets: list.map((port) => ({ ...port, addresses, containerPort: 80 })) });

async function container(onConnection: (socket: Socket) => void): Promise<void> {
  for (const host of addresses) {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      onConnection(socket);
    });
    server.listen(80, host);
    await once(server, 'listening');
  }
}

/** What came back until the other side ended, or how the connection failed. */
async function talk(host: string, text: Buffer | string): Promise<string> {
  const socket = connect({ host, port: TCP.hostPort, allowHalfOpen: true });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const failed = new Promise<string>((resolve) =>
    socket.on('error', (error) => resolve((error as { code?: string }).code ?? 'error')),
  );
  const ended = once(socket, 'end').then(
    () => Buffer.concat(chunks),
    () => Buffer.alloc(0),
  );
  socket.end(text);
  const outcome = await Promise.race([ended, failed]);
  socket.destroy();
  if (typeof outcome === 'string') return outcome;
  return outcome.length > 100 ? `${outcome.length} bytes` : outcome.toString();
}

const socketsOpen = () => readdirSync('/proc/self/fd').length;

async function ask(host: string, text: string, waitMs = 2_000): Promise<string> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.send(text, UDP.hostPort, host);
  const answer = await Promise.race([
    once(socket, 'message').then(([message]) => String(message)),
    new Promise<string>((resolve) => setTimeout(() => resolve('nothing'), waitMs)),
  ]);
  socket.close();
  return answer;
}

const scenarios: Readonly<Record<string, () => Promise<unknown>>> = {
  /** The container reads all, then answers: half-closed connections must stay open the other way. */
  async tcp() {
    await container((socket) => {
      const chunks: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => socket.end(Buffer.concat(chunks)));
    });
    const reserved = await ports.reserve({ owner: 'one', ports: [TCP] });
    const before = await talk('127.0.0.1', 'early');
    serve(TCP);
    return {
      reserved,
      before,
      v4: await talk('127.0.0.1', 'hello'),
      v6: await talk('::1', 'hello'),
      own: await talk('10.9.1.1', 'hello'),
      big: await talk('127.0.0.1', Buffer.alloc(BIG)),
    };
  },

  async resets() {
    await container((socket) => socket.once('data', () => socket.resetAndDestroy()));
    await ports.reserve({ owner: 'one', ports: [TCP] });
    serve(TCP);
    await talk('127.0.0.1', 'x');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = socketsOpen();
    const outcomes = new Set<string>();
    for (let i = 0; i < 50; i++) outcomes.add(await talk('127.0.0.1', 'x'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    return { outcomes: [...outcomes], leaked: socketsOpen() - before };
  },

  async udp() {
    for (const host of addresses) {
      const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
      socket.on('message', (message, from) => socket.send(`${message}!`, from.port, from.address));
      socket.bind(80, host);
      await once(socket, 'listening');
    }
    await ports.reserve({ owner: 'one', ports: [UDP] });
    const before = await ask('127.0.0.1', 'early', 100);
    serve(UDP);
    const answers = {
      before,
      v4: await ask('127.0.0.1', 'a'),
      v6: await ask('::1', 'b'),
      own: await ask('10.9.1.1', 'c'),
    };
    const open = socketsOpen();
    await ports.release('one');
    return { ...answers, closed: open - socketsOpen() };
  },

  /** Another process listens on 18081 tcp and udp. */
  async conflicts() {
    const taken: HostPort = { protocol: 'tcp', hostPort: 18_081 };
    const found = await ports.reserve({ owner: 'one', ports: [TCP, taken] });
    const udp = await ports.reserve({ owner: 'one', ports: [{ ...taken, protocol: 'udp' }] });
    // All or none: the free one was given back.
    const second = await ports.reserve({ owner: 'two', ports: [TCP] });
    const again = await ports.reserve({ owner: 'two', ports: [TCP] });
    const ours = await ports.reserve({ owner: 'one', ports: [TCP] });
    await ports.release('two');
    await ports.release('two');
    const after = await ports.reserve({ owner: 'one', ports: [TCP] });
    const foreign = await ports
      .reserve({ owner: 'one', ports: [{ ...UDP, hostIp: parseIpAddress('192.0.2.1') }] })
      .catch((error: Error) => `${error.name}: ${error.message}`);
    const apart = await ports.reserve({
      owner: 'three',
      ports: ['0.0.0.0', '::'].flatMap((ip) =>
        (['tcp', 'udp'] as const).map((protocol) => ({ protocol, hostPort: 18_090, hostIp: parseIpAddress(ip) })),
      ),
    });
    return { found, udp, second, again, ours, after, foreign, apart };
  },

  /** Serves until its input ends; a stranger in another namespace tries. */
  async stay() {
    await container((socket) => socket.end('secret'));
    await ports.reserve({ owner: 'one', ports: [TCP] });
    serve(TCP);
    process.stdout.write('ready\n');
    process.stdin.resume();
    await once(process.stdin, 'end');
    return {};
  },

  /** From outside. */
  async stranger() {
    return { got: await talk('10.9.1.1', 'x') };
  },
};

process.stdout.write(`${JSON.stringify(await scenarios[process.argv[2] ?? '']?.())}\n`);
process.exit(0);
