import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

// A program for one namespace: serves the ports given as arguments on TCP and UDP, and tells each client by which
// address it came. Asked by JSON lines to try others; answers each with a JSON line.

export interface Probe {
  readonly id: number;
  readonly protocol: 'tcp' | 'udp';
  readonly host: string;
  readonly port: number;
  readonly from?: string;
  readonly payload: string;
}

const TIMEOUT_MS = 500;
/** Payloads that came by UDP, in order: what a one-way sender got through. */
const received: string[] = [];

function serve(port: number): void {
  createServer((socket) => {
    socket.on('error', () => {});
    socket.end(plain(socket.remoteAddress));
  }).listen(port, '::');
  const udp = createSocket('udp6');
  udp.on('message', (message, { address, port: from }) => {
    received.push(message.toString());
    udp.send(plain(address), from, address);
  });
  udp.on('error', () => {});
  udp.bind(port, '::');
}

/** An IPv4 address without the form that it takes on an IPv6 socket. */
const plain = (address = ''): string => address.replace('::ffff:', '');

function tryTcp({ host, port }: Probe): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let reply = '';
    const end = (result: string | undefined) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(TIMEOUT_MS, () => end(undefined));
    socket.on('error', () => end(undefined));
    socket.on('data', (data) => {
      reply += data.toString();
    });
    socket.on('end', () => end(reply));
  });
}

function tryUdp({ host, port, from, payload }: Probe): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const end = (result: string | undefined) => {
      clearTimeout(timer);
      socket.close();
      resolve(result);
    };
    const timer = setTimeout(() => end(undefined), TIMEOUT_MS);
    socket.on('message', (message) => end(message.toString()));
    socket.on('error', () => end(undefined));
    socket.bind({ address: from ?? (host.includes(':') ? '::' : '0.0.0.0') }, () => {
      socket.send(payload, port, host, (error) => error && end(undefined));
    });
  });
}

for (const port of process.argv.slice(2)) serve(Number(port));
createInterface({ input: process.stdin }).on('line', (line) => {
  const probe = JSON.parse(line) as Probe;
  const reply = probe.protocol === 'tcp' ? tryTcp(probe) : tryUdp(probe);
  void reply.then((seenAs) => console.log(JSON.stringify({ id: probe.id, seenAs, received })));
});
console.log('ready');
