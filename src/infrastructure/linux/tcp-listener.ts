import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import {
  addressFor,
  isLoopback,
  type ListenerTarget,
  type ListenPlace,
  type PortListener,
  plainAddress,
} from './port-listener.js';

/** A listening TCP port that passes the host's own connections on. */
export class TcpListener implements PortListener {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #target: ListenerTarget | undefined;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (client) => this.#accept(client));
  }

  /** Rejects as the kernel does: EADDRINUSE and others. */
  static async bind(place: ListenPlace): Promise<TcpListener> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    server.listen({ ...place, exclusive: true });
    await once(server, 'listening');
    return new TcpListener(server);
  }

  serve(target: ListenerTarget | undefined): void {
    this.#target = target;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  #accept(client: Socket): void {
    // A connection may be reset before it is accepted; it has no addresses then.
    const remote = plainAddress(client.remoteAddress ?? '');
    const local = plainAddress(client.localAddress ?? '');
    this.#watch(client);
    if (this.#target === undefined || remote === '' || !(isLoopback(remote) || remote === local)) {
      client.resetAndDestroy();
      return;
    }
    const address = addressFor(remote, this.#target);
    const container = connect({ host: address, port: this.#target.port, allowHalfOpen: true, noDelay: true });
    this.#watch(container);
    join(client, container);
  }

  #watch(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {
      // `close` follows, and tells the other side.
    });
  }
}

/** Each side's end of data is passed on alone, each side's failure as a reset; a slow reader slows its writer. */
function join(one: Socket, other: Socket): void {
  one.pipe(other);
  other.pipe(one);
  one.once('close', (failed) => failed && other.resetAndDestroy());
  other.once('close', (failed) => failed && one.resetAndDestroy());
}
