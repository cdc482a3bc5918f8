import { LabHost } from './host.js';
import { Outside } from './outside.js';
import { endProbes } from './probe-process.js';

/**
 * Hosts on one wire with the outside world: a namespace that has the addresses 10.99.0.1 and fd99::1, is every host's
 * default gateway, and does not know containers' prefixes unless a test tells it.
 */
export class Lab {
  readonly hosts: readonly LabHost[];
  readonly outside: Outside;

  private constructor(hosts: readonly LabHost[], outside: Outside) {
    this.hosts = hosts;
    this.outside = outside;
  }

  /** Engines are started unless told otherwise; daemons of ours are not. */
  static async up({ hosts = 1, engines = true }: { hosts?: number; engines?: boolean } = {}): Promise<Lab> {
    const outside = await Outside.up();
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

  async down(): Promise<void> {
    endProbes();
    await Promise.all(this.hosts.map((host) => host.down()));
    await this.outside.down();
  }
}
