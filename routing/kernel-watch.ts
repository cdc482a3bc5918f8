import type { IpSets } from '../src/effects/ip-sets.js';
import type { Kernel } from '../src/effects/kernel.js';
import type { NetworkStack, NetworkStackChange } from '../src/effects/network-stack.js';
import { assertNever } from '../src/model/assert-never.js';
import type { InterfaceName } from '../src/model/ids.js';
import type { HostChange } from './host-resync.js';
import type { HostRoutes } from './host-routes.js';
import { isOurHostEnd } from './ownership.js';

/** A link that is down for so long is not one that is being made, unless the machine is overloaded. */
const STAYS_DOWN_MS = 200;

/** What of the kernel is followed. */
interface WatchedKernel {
  readonly watchPacketFilter: Kernel['watchPacketFilter'];
  readonly ipSets: Pick<IpSets, 'watch'>;
  readonly network: Pick<NetworkStack, 'watch'>;
}

/** The host sides of endpoints. */
interface HostEnds {
  /** Those that are attached. */
  readonly links: ReadonlySet<InterfaceName>;
  readonly queue: { busy(link: InterfaceName): boolean };
  noteGone(link: InterfaceName): void;
}

/** Follows what the kernel tells of changes, and tells which of them call for a comparison. */
export class KernelWatch {
  readonly #kernel: WatchedKernel;
  readonly #hostEnds: HostEnds;
  readonly #hostRoutes: Pick<HostRoutes, 'isMissed'>;
  readonly #onSign: () => void;
  readonly #onHostChange: (change: HostChange) => void;
  readonly #watches: { close(): void }[] = [];
  /** Links that the kernel has told down and not yet up. */
  readonly #down = new Map<InterfaceName, NodeJS.Timeout>();

  constructor(options: {
    readonly kernel: WatchedKernel;
    readonly hostEnds: HostEnds;
    readonly hostRoutes: Pick<HostRoutes, 'isMissed'>;
    /** Anything may not be as it should be. */
    readonly onSign: () => void;
    /** What lies between this host and others may not be as it should be. */
    readonly onHostChange: (change: HostChange) => void;
  }) {
    this.#kernel = options.kernel;
    this.#hostEnds = options.hostEnds;
    this.#hostRoutes = options.hostRoutes;
    this.#onSign = options.onSign;
    this.#onHostChange = options.onHostChange;
  }

  start(): void {
    this.#watches.push(
      this.#kernel.watchPacketFilter(() => this.#onSign()),
      this.#kernel.ipSets.watch(() => this.#onSign()),
      this.#kernel.network.watch((change) => this.#networkChanged(change)),
    );
  }

  close(): void {
    for (const watch of this.#watches.splice(0)) watch.close();
    for (const timer of this.#down.values()) clearTimeout(timer);
    this.#down.clear();
  }

  #networkChanged(change: NetworkStackChange): void {
    switch (change.kind) {
      case 'linkRemoved':
        if (this.#isSettled(change.link)) this.#hostEnds.noteGone(change.link);
        return;
      case 'linkDown':
        this.#waitForUp(change.link);
        return;
      case 'linkUp':
        clearTimeout(this.#down.get(change.link));
        this.#down.delete(change.link);
        return;
      case 'routeRemoved':
        if (change.link !== undefined && isOurHostEnd(change.link)) {
          // The kernel takes a link's routes along with it.
          if (this.#hostEnds.links.has(change.link)) this.#onSign();
        } else if (this.#hostRoutes.isMissed(change.destination)) this.#onHostChange(change.link);
        return;
      case 'hostNetworks':
        this.#onHostChange(change.link);
        return;
      case 'unknown':
        this.#onSign();
        return;
      default:
        assertNever(change);
    }
  }

  /** Each link is told down once as it is made, and up at once: nobody put that down. */
  #waitForUp(link: InterfaceName): void {
    if (this.#down.has(link)) return;
    const timer = setTimeout(() => {
      this.#down.delete(link);
      if (this.#isSettled(link)) this.#onSign();
    }, STAYS_DOWN_MS);
    timer.unref();
    this.#down.set(link, timer);
  }

  /** Attached, and not being made or taken away just now. */
  #isSettled(link: InterfaceName): boolean {
    return this.#hostEnds.links.has(link) && !this.#hostEnds.queue.busy(link);
  }
}
