import type { FabricKind } from './address-plan.js';
import { LabHost } from './host.js';
import { Outside } from './outside.js';
import { endProbes } from './probe-process.js';

/**
 * Hosts on one wire, or in two racks, with the outside world: a namespace that has the addresses 10.99.0.1 and fd99::1,
 * is every host's default gateway, and does not know containers' prefixes unless a test tells it.
 */
export class Lab {
  readonly hosts: readonly LabHost[];
  readonly outside: Outside;

  private constructor(hosts: readonly LabHost[], outside: Outside) {
    this.hosts = hosts;
    this.outside = outside;
  }

  /** Engines are started unless told otherwise; daemons of ours are not. */
  static async up({
    hosts = 1,
    fabric = 'l2',
    engines = true,
  }: {
    readonly hosts?: number;
    readonly fabric?: FabricKind;
    readonly engines?: boolean;
  } = {}): Promise<Lab> {
    const outside = await Outside.up(fabric);
    const lab = new Lab(
      await Promise.all(Array.from({ length: hosts }, (_, index) => LabHost.up(`h${index + 1}`))),
      outside,
    );
    try {
      for (const [index, host] of lab.hosts.entries()) await outside.connect(host, index);
      if (engines) await Promise.all(lab.hosts.map((host) => host.startDockerd()));
      return lab;
    } catch (error) {
      await lab.down();
      throw error;
    }
  }

  /** The first host: for tests of one. */
  get host(): LabHost {
    const [first] = this.hosts;
    if (first === undefined) throw new Error('the lab has no host');
    return first;
  }

  #index(host: LabHost): number {
    return this.hosts.indexOf(host);
  }

  /** The host's address on its wire, now. */
  addressOf(host: LabHost, family: 4 | 6 = 4): string {
    return this.outside.addressOf(this.#index(host), family);
  }

  /** Pulls the host's cable. */
  cut(host: LabHost): Promise<void> {
    return this.outside.cut(this.#index(host));
  }

  heal(host: LabHost): Promise<void> {
    return this.outside.heal(this.#index(host));
  }

  /** Another IPv4 address of the same wire for the host. Nobody is told. */
  changeAddress(host: LabHost, address: string): Promise<void> {
    return this.outside.changeAddress(host, this.#index(host), address);
  }

  /** The host's power fails. */
  async crash(host: LabHost): Promise<void> {
    await this.outside.unplug(this.#index(host));
    await host.crash();
  }

  /** Brings a crashed host up again: same name, disk and cable, and nothing started yet. */
  async reboot(host: LabHost): Promise<void> {
    await host.boot();
    await this.outside.connect(host, this.#index(host));
  }

  async down(): Promise<void> {
    endProbes();
    await Promise.all(this.hosts.map((host) => host.down()));
    await this.outside.down();
  }
}
