/**
 * A program: numbered UDP packets, so that a test can name each one that was lost, or that passed and should not have.
 *
 *   probe.js send ADDRESS PORT [PER_SECOND]     numbers from 0, answers are counted
 *   probe.js fresh ADDRESS PORT [PER_SECOND]    the same, each from a port of its own: as many connections
 *   probe.js sweep PREFIX FIRST LAST PORT [PER_SECOND]   to PREFIX.FIRST ... PREFIX.LAST in turn
 *   probe.js session ADDRESS PORT [PER_SECOND]  the same as lines of one TCP connection, to a tcp-server.js
 *   probe.js echo PORT                          counts what arrives and sends it back
 *   probe.js count PORT                         counts what arrives, silently
 *
 * Prints `ready`; answers each line on standard input with one line of JSON (ProbeReport); ends when that closes.
 */
import { createSocket, type Socket } from 'node:dgram';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import type { ProbeReport } from './probe-process.js';

/** What arrived, by sequence number. */
class Tally {
  sent = 0;
  readonly #numbers = new Set<number>();
  readonly #sources = new Map<string, number>();
  #highest = -1;
  #last: number | undefined;
  #longestGapMs = 0;

  arrived(number: number, source: string): void {
    const now = performance.now();
    if (this.#last !== undefined) this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#last);
    this.#last = now;
    this.#numbers.add(number);
    this.#highest = Math.max(this.#highest, number);
    this.#sources.set(source, (this.#sources.get(source) ?? 0) + 1);
  }

  report(): ProbeReport {
    const missing = Array.from({ length: this.#highest }, (_, number) => number).filter((n) => !this.#numbers.has(n));
    return {
      sent: this.sent,
      received: this.#numbers.size,
      missing: missing.slice(0, 20),
      missingCount: missing.length,
      longestGapMs: Math.round(this.#longestGapMs),
      sources: Object.fromEntries(this.#sources),
    };
  }
}

const [mode, ...words] = process.argv.slice(2);
const tally = new Tally();
const sends = mode === 'send' || mode === 'fresh' || mode === 'sweep';
/** How long an answer to a port of its own is waited for, in ms. */
const FRESH_MS = 1_000;

function openSocket(): Socket {
  const opened = createSocket(words[0]?.includes(':') || !sends ? 'udp6' : 'udp4');
  opened.on('message', (packet, { address, port }) => {
    tally.arrived(Number(packet.toString()), address.replace(/^::ffff:/, ''));
    if (mode === 'echo') opened.send(packet, port, address);
  });
  // An ICMP refusal of an earlier packet: not a reason to stop sending.
  opened.on('error', () => {});
  return opened;
}

const socket = openSocket();

function sendNext({ address, port, count }: Target): void {
  const text = String(tally.sent++);
  const to = address.replace('*', `${count.first + (Number(text) % count.of)}`);
  const from = mode === 'fresh' ? openSocket() : socket;
  from.send(text, port, to, () => {});
  if (from !== socket) setTimeout(() => from.close(), FRESH_MS);
}

interface Target {
  /** `*` stands for a number that changes from packet to packet. */
  readonly address: string;
  readonly port: number;
  readonly count: { readonly first: number; readonly of: number };
}

function startSession([address = '', port = '', perSecond = '100']: readonly string[]): void {
  const connection = connect(Number(port), address, () => console.log('ready'));
  connection.on('error', () => {});
  createInterface({ input: connection }).on('line', (line) => {
    // The first line is who we are.
    if (/^\d+$/.test(line)) tally.arrived(Number(line), address);
  });
  setInterval(() => connection.write(`${tally.sent++}\n`), 1000 / Number(perSecond)).unref();
}

if (mode === 'session') startSession(words);
else if (sends) {
  const [prefix = '', first = '0', last = '0'] = words;
  const [address = '', port = '', perSecond = '100'] = mode === 'sweep' ? [`${prefix}.*`, ...words.slice(3)] : words;
  const count = { first: Number(first), of: mode === 'sweep' ? Number(last) - Number(first) + 1 : 1 };
  const target = { address, port: Number(port), count };
  const intervalMs = 1000 / Number(perSecond);
  const begun = performance.now();
  const timer = setInterval(() => {
    // A late timer sends what is due, so that the rate holds on a busy machine.
    while (tally.sent * intervalMs <= performance.now() - begun) {
      sendNext(target);
    }
  }, intervalMs);
  socket.once('close', () => clearInterval(timer));
  socket.bind(() => console.log('ready'));
} else {
  socket.bind(Number(words[0]), () => console.log('ready'));
}

createInterface({ input: process.stdin })
  .on('line', () => console.log(JSON.stringify(tally.report())))
  .on('close', () => process.exit());
