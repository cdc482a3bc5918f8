/**
 * A program: numbered UDP packets, so that a test can name each one that was lost, or that passed and should not have.
 *
 *   probe.js send ADDRESS PORT [PER_SECOND]     numbers from 0, answers are counted
 *   probe.js echo PORT                          counts what arrives and sends it back
 *   probe.js count PORT                         counts what arrives, silently
 *
 * Prints `ready`; answers each line on standard input with one line of JSON (ProbeReport); ends when that closes.
 */
import { createSocket } from 'node:dgram';
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
const socket = createSocket(words[0]?.includes(':') || mode !== 'send' ? 'udp6' : 'udp4');

socket.on('message', (packet, { address, port }) => {
  tally.arrived(Number(packet.toString()), address.replace(/^::ffff:/, ''));
  if (mode === 'echo') socket.send(packet, port, address);
});
// An ICMP refusal of an earlier packet: not a reason to stop sending.
socket.on('error', () => {});

if (mode === 'send') {
  const [address = '', port = '', perSecond = '100'] = words;
  const intervalMs = 1000 / Number(perSecond);
  const begun = performance.now();
  const timer = setInterval(() => {
    // A late timer sends what is due, so that the rate holds on a busy machine.
    while (tally.sent * intervalMs <= performance.now() - begun) {
      socket.send(String(tally.sent++), Number(port), address, () => {});
    }
  }, intervalMs);
  socket.once('close', () => clearInterval(timer));
  socket.bind(() => console.log('ready'));
} else {
  socket.bind(Number(words[0]), () => console.log('ready'));
}

createInterface({ input: process.stdin })
  .on('line', () => console.log(JSON.stringify(tally.report())))
  .on('close', () => socket.close());
