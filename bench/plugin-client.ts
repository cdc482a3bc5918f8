import { randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';

/** Docker's side of a plugin socket: one keep-alive connection for each call in flight, as the engine has. */
export class PluginClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** @throws Error with the plugin's own words */
  call(method: string, body: object): Promise<Record<string, unknown>> {
    const text = JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const headers = { Accept: 'application/vnd.docker.plugins.v1.2+json', 'Content-Length': Buffer.byteLength(text) };
      const sent = request(
        { socketPath: this.#socketPath, path: `/${method}`, method: 'POST', agent: this.#agent, headers },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            const reply = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
            const error = reply['Err'] || reply['Error'];
            if (response.statusCode === 200 && !error) resolve(reply);
            else reject(new Error(`${method}: ${String(error ?? response.statusCode)}`));
          });
        },
      );
      sent.on('error', reject);
      sent.end(text);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** An endpoint's life as Docker leads it. */
export class EndpointLife {
  readonly #client: PluginClient;
  readonly #ids: { readonly NetworkID: string; readonly EndpointID: string };
  readonly #poolId: string;
  #address = '';

  constructor(client: PluginClient, networkId: string, poolId: string) {
    this.#client = client;
    this.#poolId = poolId;
    this.#ids = { NetworkID: networkId, EndpointID: randomBytes(32).toString('hex') };
  }

  async requestAddress(): Promise<void> {
    const reply = await this.#client.call('IpamDriver.RequestAddress', {
      PoolID: this.#poolId,
      Address: '',
      Options: null,
    });
    this.#address = String(reply['Address']);
  }

  get id(): string {
    return this.#ids.EndpointID;
  }

  /** Without prefix length; empty before it was requested. */
  get address(): string {
    return this.#address.split('/')[0] ?? '';
  }

  /** The two calls that a container waits for. Gives their time in ms. */
  async createAndJoin(): Promise<number> {
    const begun = performance.now();
    await this.create();
    await this.join();
    return performance.now() - begun;
  }

  async create(): Promise<void> {
    await this.#client.call('NetworkDriver.CreateEndpoint', {
      ...this.#ids,
      Interface: { Address: this.#address, AddressIPv6: '', MacAddress: '' },
      Options: { 'com.docker.network.endpoint.exposedports': [], 'com.docker.network.portmap': [] },
    });
  }

  async join(): Promise<void> {
    await this.#client.call('NetworkDriver.Join', {
      ...this.#ids,
      SandboxKey: `/var/run/docker/netns/${this.#ids.EndpointID.slice(0, 12)}`,
      Options: { 'com.docker.network.endpoint.exposedports': [], 'com.docker.network.portmap': [] },
    });
  }

  /** Gives its time in ms. */
  async leaveAndDelete(): Promise<number> {
    const begun = performance.now();
    await this.#client.call('NetworkDriver.Leave', this.#ids);
    await this.#client.call('NetworkDriver.DeleteEndpoint', this.#ids);
    await this.#client.call('IpamDriver.ReleaseAddress', {
      PoolID: this.#poolId,
      Address: this.address,
    });
    return performance.now() - begun;
  }
}
