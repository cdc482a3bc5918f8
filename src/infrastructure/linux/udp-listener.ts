import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { familyOf } from '../../model/ip-address.js';
import {
  addressFor,
  isOwnAddress,
  type ListenerTarget,
  type ListenPlace,
  type PortListener,
  plainAddress,
} from './port-listener.js';

/** ms without a datagram after which a client is forgotten; as long as the kernel's own for a stream of UDP (120 s). */
const IDLE_MS = 120_000;
/** Clients at once; the one that was silent longest makes room. Each costs a socket. */
const MAX_CLIENTS = 1_024;

interface Client {
  readonly socket: Socket;
  /** Of the last datagram, either way. */
  lastSeen: number;
}

/** A bound UDP port that passes the host's own datagrams on, and the answers back. */
export class UdpListener implements PortListener {
  readonly #socket: Socket;
  /** In order of last use, oldest first. */
  readonly #clients = new Map<string, Client>();
  readonly #sweeper: NodeJS.Timeout;
  #target: ListenerTarget | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#sweeper = setInterval(() => this.#forgetIdle(Date.now() - IDLE_MS), IDLE_MS / 4).unref();
    socket.on('message', (message, from) => this.#passOn(message, from));
    socket.on('error', () => {
      // Of one datagram that could not be sent; the next may.
    });
  }

  /** Rejects as the kernel does: EADDRINUSE and others. */
  static async bind({ host, port, ipv6Only }: ListenPlace): Promise<UdpListener> {
    // The flag is refused (EINVAL) with an address of IPv4.
    const socket = createSocket(familyOf(host) === 6 ? { type: 'udp6', ipv6Only } : { type: 'udp4' });
    try {
      socket.bind({ address: host, port, exclusive: true });
      await once(socket, 'listening');
    } catch (error) {
      socket.close();
      throw error;
    }
    return new UdpListener(socket);
  }

  serve(target: ListenerTarget | undefined): void {
    if (JSON.stringify(target) !== JSON.stringify(this.#target)) this.#forgetIdle(Number.POSITIVE_INFINITY);
    this.#target = target;
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#forgetIdle(Number.POSITIVE_INFINITY);
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }

  #passOn(message: Buffer, from: RemoteInfo): void {
    const target = this.#target;
    if (target === undefined || !isOwnAddress(plainAddress(from.address))) return;
    const key = `${from.address} ${from.port}`;
    const client = this.#clients.get(key) ?? this.#newClient(key, from, target);
    this.#touch(key, client);
    client.socket.send(message, target.port, addressFor(plainAddress(from.address), target));
  }

  #newClient(key: string, from: RemoteInfo, target: ListenerTarget): Client {
    if (this.#clients.size >= MAX_CLIENTS) this.#forget(this.#clients.keys().next().value ?? key);
    const address = addressFor(plainAddress(from.address), target);
    const socket = createSocket(familyOf(address) === 6 ? 'udp6' : 'udp4');
    const client: Client = { socket, lastSeen: Date.now() };
    socket.on('message', (answer, sender) => {
      // The socket is not connected: anybody who can reach it could answer.
      if (plainAddress(sender.address) !== address || sender.port !== target.port) return;
      this.#touch(key, client);
      this.#socket.send(answer, from.port, from.address);
    });
    socket.on('error', () => this.#forget(key));
    return client;
  }

  #touch(key: string, client: Client): void {
    client.lastSeen = Date.now();
    this.#clients.delete(key);
    this.#clients.set(key, client);
  }

  #forgetIdle(before: number): void {
    for (const [key, { lastSeen }] of this.#clients) {
      if (lastSeen >= before) return;
      this.#forget(key);
    }
  }

  #forget(key: string): void {
    const client = this.#clients.get(key);
    this.#clients.delete(key);
    client?.socket.close();
  }
}
