import type { HostPort, HostPorts, PortTarget } from '../../src/effects/host-ports.js';

/** The ports of a host, on which a test lets programs listen. */
export class InMemoryHostPorts implements HostPorts {
  readonly #listeners = new Map<string, string>();
  readonly #served = new Map<string, readonly PortTarget[]>();
  readonly #reserved = new Map<string, readonly HostPort[]>();

  /** @param where as `tcp/8080` */
  listen(where: string, program: string): void {
    this.#listeners.set(where, program);
  }

  async reserve({ owner, ports }: { readonly owner: string; readonly ports: readonly HostPort[] }) {
    const conflicts = ports.flatMap((port) => {
      const program = this.#listeners.get(`${port.protocol}/${port.hostPort}`);
      return program === undefined ? [] : [{ port, program }];
    });
    if (conflicts.length === 0) this.#reserved.set(owner, ports);
    return conflicts;
  }

  async release(owner: string): Promise<void> {
    this.#reserved.delete(owner);
    this.#served.delete(owner);
  }

  serve({ owner, targets }: { readonly owner: string; readonly targets: readonly PortTarget[] }): void {
    this.#served.set(owner, targets);
  }

  get served(): ReadonlyMap<string, readonly PortTarget[]> {
    return this.#served;
  }

  get reserved(): ReadonlyMap<string, readonly HostPort[]> {
    return this.#reserved;
  }
}
