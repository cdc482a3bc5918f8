import type { Dataplane } from '../../src/effects/dataplane.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { KernelError } from '../../src/model/errors.js';
import { containerInterfaceOf, type EndpointId, type InterfaceName } from '../../src/model/ids.js';
import type { IpAddress } from '../../src/model/ip-address.js';

/** A kernel that holds one link for each attached endpoint, and that can be told to refuse or to dawdle. */
export class InMemoryDataplane implements Dataplane {
  readonly #links = new Map<EndpointId, { readonly endpoint: Endpoint; readonly mtu: number }>();
  #refusal: string | undefined;
  #gate: Promise<void> | undefined;
  #open: () => void = () => {};

  /** The next attachments fail as the kernel's would, until `accept`. */
  refuse(reason: string): void {
    this.#refusal = reason;
  }

  accept(): void {
    this.#refusal = undefined;
  }

  /** Attachments and `settled` wait until `release`, or until they are abandoned. */
  hold(): void {
    this.#gate = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  release(): void {
    this.#gate = undefined;
    this.#open();
  }

  /** This one needs no time for anything. */
  prepare(): void {}

  async abandon({ id }: Endpoint): Promise<void> {
    this.#links.delete(id);
  }

  async attach(
    endpoint: Endpoint,
    { mtu, signal }: { readonly mtu: number; readonly signal?: AbortSignal },
  ): Promise<{ readonly containerInterface: InterfaceName }> {
    await this.#pass(signal);
    if (this.#refusal !== undefined) throw new KernelError(`the link cannot be made: ${this.#refusal}`, this.#refusal);
    if (!this.#links.has(endpoint.id)) this.#links.set(endpoint.id, { endpoint, mtu });
    return { containerInterface: containerInterfaceOf(endpoint.id) };
  }

  async detach({ id }: Pick<Endpoint, 'id' | 'addresses'>): Promise<void> {
    this.#links.delete(id);
  }

  attached(): ReadonlySet<EndpointId> {
    return new Set(this.#links.keys());
  }

  mtuOf(id: EndpointId): number | undefined {
    return this.#links.get(id)?.mtu;
  }

  async addressQuiet(_address: IpAddress): Promise<void> {}

  settled(signal?: AbortSignal): Promise<void> {
    return this.#pass(signal);
  }

  #pass(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) reject(signal.reason);
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      if (this.#gate === undefined) resolve();
      else this.#gate.then(resolve, reject);
    });
  }
}
