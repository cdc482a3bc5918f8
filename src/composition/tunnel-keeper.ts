import type { TunnelAddresses } from '../../ipam-driver/tunnel-addresses.js';
import type { Clock } from '../effects/clock.js';
import type { ClusterChange, ClusterView } from '../effects/cluster-view.js';
import type { Logger } from '../effects/logger.js';
import type { ReconcileFinding } from '../effects/reconcile-status.js';
import { describeError } from '../model/errors.js';
import type { NodeName } from '../model/ids.js';

/** ms from a change of the records to the look at what it means; many changes ask for one look. */
const CHANGE_DELAY_MS = 50;
/** All nodes hear of a change at once, and each writes its record: ms for each of them, to spread them over. */
const SPREAD_MS_PER_NODE = 5;
/** ms until what could not be had is asked for again, though nothing changed. */
const INTERVAL_MS = 60_000;
/** ms until the same after the datastore did not answer. */
const RETRY_MS = 5_000;

/** Keeps the node's tunnel addresses as the records of pools and networks want them, from its registration on. */
export class TunnelKeeper {
  readonly #node: NodeName;
  readonly #view: Pick<ClusterView, 'nodes' | 'subscribe'>;
  readonly #addresses: Pick<TunnelAddresses, 'isSettled' | 'settle'>;
  readonly #clock: Clock;
  readonly #log: Logger;
  #changed = new AbortController();
  #findings: readonly ReconcileFinding[] = [];

  constructor(parts: {
    readonly node: NodeName;
    readonly view: Pick<ClusterView, 'nodes' | 'subscribe'>;
    readonly addresses: Pick<TunnelAddresses, 'isSettled' | 'settle'>;
    readonly clock: Clock;
    readonly log: Logger;
  }) {
    this.#node = parts.node;
    this.#view = parts.view;
    this.#addresses = parts.addresses;
    this.#clock = parts.clock;
    this.#log = parts.log;
  }

  /** What is lacking, and why. */
  findings(): readonly ReconcileFinding[] {
    return this.#findings;
  }

  /** Until the signal aborts. The first look is at the datastore: the node's record may tell what is not its own any more. */
  async run(signal: AbortSignal): Promise<void> {
    const unsubscribe = this.#view.subscribe((change) => {
      if (this.#concerns(change)) this.#changed.abort();
    });
    for (let certain = false; !signal.aborted; ) {
      this.#changed = new AbortController();
      if (!certain || !this.#addresses.isSettled()) certain = await this.#settle();
      else this.#findings = [];
      await this.#clock.sleep(certain ? INTERVAL_MS : RETRY_MS, AbortSignal.any([signal, this.#changed.signal]));
      await this.#clock.sleep(CHANGE_DELAY_MS + Math.random() * SPREAD_MS_PER_NODE * this.#view.nodes.size, signal);
    }
    unsubscribe();
  }

  /** False: it could not be done. */
  async #settle(): Promise<boolean> {
    try {
      const { addresses, findings } = await this.#addresses.settle();
      if (JSON.stringify(findings) !== JSON.stringify(this.#findings)) {
        for (const { message } of findings) this.#log.warn({}, message);
      }
      this.#findings = findings;
      this.#log.debug({ addresses }, "the node's tunnel addresses are settled");
      return true;
    } catch (error) {
      this.#log.warn({ error: describeError(error) }, "the node's tunnel addresses could not be settled; tried again");
      return false;
    }
  }

  #concerns(change: ClusterChange): boolean {
    if (change.kind === 'node') return (change.after ?? change.before)?.name === this.#node;
    return change.kind === 'pool' || change.kind === 'network';
  }
}
