import type { LabHost } from '../lab/host.js';
import { type HttpReply, unixHttp } from './unix-http.js';

/** The engine of a lab host, asked without its command line: faster, and able to say what the command line refuses. */
export class EngineApi {
  readonly #host: LabHost;

  constructor(host: LabHost) {
    this.#host = host;
  }

  ask(method: string, path: string, body?: unknown): Promise<HttpReply> {
    return unixHttp(this.#host.path('/run/docker.sock'), method, `/v1.41${path}`, body);
  }

  /** The body of a success. @throws Error with the engine's message */
  async do(method: string, path: string, body?: unknown): Promise<HttpReply['body']> {
    const reply = await this.ask(method, path, body);
    if (reply.status < 300 || reply.status === 304) return reply.body;
    throw new Error(`${method} ${path}: ${reply.status} ${String(reply.body['message'] ?? reply.text)}`);
  }

  /** Creates and starts a container of the test image. The engine's message if it refuses; the container stays then. */
  async start(name: string, network: string, wish: ContainerWish = {}): Promise<string | undefined> {
    const { HostConfig = {}, Endpoint = {}, ...rest } = wish;
    const created = await this.ask('POST', `/containers/create?name=${name}`, {
      Image: 'lab:1',
      HostConfig: { NetworkMode: network, ...HostConfig },
      NetworkingConfig: { EndpointsConfig: { [network]: Endpoint } },
      ...rest,
    });
    if (created.status >= 300) return String(created.body['message']);
    const started = await this.ask('POST', `/containers/${name}/start`);
    return started.status < 300 ? undefined : String(started.body['message']);
  }

  async remove(...containers: readonly string[]): Promise<void> {
    await Promise.all(containers.map((name) => this.ask('DELETE', `/containers/${name}?force=1`)));
  }
}

/** What may be said about a container, in the engine's words. */
export interface ContainerWish extends Readonly<Record<string, unknown>> {
  readonly HostConfig?: Readonly<Record<string, unknown>>;
  /** About its endpoint on the network that it starts on. */
  readonly Endpoint?: Readonly<Record<string, unknown>>;
}
