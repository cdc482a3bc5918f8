import type { ClusterChange } from '../src/effects/cluster-view.js';
import type { Endpoint } from '../src/model/endpoint.js';
import type { IpAddress } from '../src/model/ip-address.js';

type EndpointChange = Extract<ClusterChange, { readonly kind: 'endpoint' }>;

/** How long chains of endpoints that are gone may stay. */
const LATE_MS = 1_000;

/**
 * Removals of endpoints that policy need not hear of at once. After rules were deleted, the nft backend makes the next
 * new rule wait for an RCU grace period (16 ms), so the next container would wait for the end of the last one. An
 * endpoint whose link is gone has nothing to pass through its chains; its address is a member of tags until it is told.
 */
export class LateRemovals {
  readonly #mayWait: (endpoint: Endpoint) => boolean;
  readonly #tell: (changes: readonly ClusterChange[]) => void;
  readonly #waiting = new Map<string, EndpointChange>();
  readonly #addresses = new Set<IpAddress>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: {
    /** Nothing passes to or from it any more. */
    readonly mayWait: (endpoint: Endpoint) => boolean;
    readonly tell: (changes: readonly ClusterChange[]) => void;
  }) {
    this.#mayWait = options.mayWait;
    this.#tell = options.tell;
  }

  /** Tells the change, now or later; before it whatever must not come after it. */
  pass(change: ClusterChange): void {
    if (change.kind === 'endpoint') {
      if (this.#canWait(change)) {
        this.#put(change);
        return;
      }
      // The address has a new holder, which must not inherit tags.
      const addresses = change.after?.addresses ?? [];
      if (this.#waiting.has(change.key) || addresses.some((address) => this.#addresses.has(address))) this.flush();
    }
    this.#tell([change]);
  }

  /** Tells all that waits. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.size === 0) return;
    const changes = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#addresses.clear();
    this.#tell(changes);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** A published port would lead to an address that is gone, and not to the next container that publishes it. */
  #canWait({ before, after }: EndpointChange): boolean {
    return before !== undefined && after === undefined && before.published.length === 0 && this.#mayWait(before);
  }

  #put(change: EndpointChange): void {
    this.#waiting.set(change.key, change);
    for (const address of change.before?.addresses ?? []) this.#addresses.add(address);
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.flush(), LATE_MS);
    this.#timer.unref();
  }
}
