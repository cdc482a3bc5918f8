import { connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP way to an endpoint that can stop passing bytes without closing anything, as a filtering firewall does. */
export class StallingProxy {
  readonly endpoint: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #stalled: boolean;

  private constructor(server: Server, target: URL) {
    this.#server = server;
    this.#stalled = false;
    this.endpoint = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    server.on('connection', (client) => {
      const upstream = connect(Number(target.port), target.hostname);
      this.#pass(client, upstream);
      this.#pass(upstream, client);
    });
  }

  static async to(endpoint: string): Promise<StallingProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new StallingProxy(server, new URL(endpoint));
  }

  stall(): void {
    this.#stalled = true;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on('data', (bytes) => {
      if (!this.#stalled) to.write(bytes);
    });
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
  }
}
