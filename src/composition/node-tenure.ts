import type { Clock } from '../effects/clock.js';
import type { Datastore } from '../effects/datastore.js';
import { ABSENT } from '../effects/datastore.js';
import type { LeaseId, Leases } from '../effects/leases.js';
import type { Logger } from '../effects/logger.js';
import { ConflictError, DatastoreUnavailableError, describeError } from '../model/errors.js';
import { SightingRecord, sightingKey, type Tenure, TenureRecord, tenureKey } from '../model/tenure.js';

/** How long a daemon that died still counts as alive, at most. */
export const TENURE_SECONDS = 12;
const RENEW_MS = 4_000;
const RETRY_MS = 1_000;
/** The name of a host that was cut from power is free after this: until then another host with the name is no mistake. */
const PATIENCE_MS = (TENURE_SECONDS + 3) * 1_000;
const SIGHTING_MS = 10 * 60_000;

interface Parts {
  readonly datastore: Pick<Datastore, 'get' | 'transact'>;
  readonly leases: Leases;
  /** But for `since`. */
  readonly self: Omit<Tenure, 'since'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Holds the node's name while this daemon runs. When the lease is lost, because the datastore was away, the name is taken
 * again; nothing else follows from it: the data plane, endpoints and addresses stay as they are.
 */
export class NodeTenure {
  readonly #parts: Parts;
  readonly #closing = new AbortController();
  #lease: LeaseId | undefined;
  #seenAt = 0;
  #running: Promise<void> = Promise.resolve();
  /** Another host has taken the name while we could not be heard; told once. */
  #contested = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Resolves when the name is this host's, however long the datastore is away; it then stays so until `close`.
   *
   * @throws ConflictError if a living daemon of another host has it
   */
  async claim(): Promise<void> {
    const { clock } = this.#parts;
    const { signal } = this.#closing;
    let givenUpAt: number | undefined;
    while (!signal.aborted) {
      const other = await this.#take().catch(ignoreUnavailable);
      if (other === 'taken') break;
      if (other !== undefined) {
        givenUpAt ??= clock.now().getTime() + PATIENCE_MS;
        if (clock.now().getTime() >= givenUpAt) throw nameInUse(other);
      }
      await clock.sleep(RETRY_MS, signal);
    }
    this.#running = this.#keep();
  }

  /** The name is free at once, and the time is noted. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
    if (this.#lease === undefined) return;
    await this.#noteSighting().catch(ignoreUnavailable);
    await this.#parts.leases.revoke(this.#lease).catch(ignoreUnavailable);
  }

  async #keep(): Promise<void> {
    const { clock, log } = this.#parts;
    const { signal } = this.#closing;
    for (;;) {
      await clock.sleep(this.#lease === undefined ? RETRY_MS : RENEW_MS, signal);
      if (signal.aborted) return;
      try {
        await this.#renewOrTakeAgain();
      } catch (error) {
        // The datastore tells of its outages itself.
        if (!(error instanceof DatastoreUnavailableError))
          log.error({ error: describeError(error) }, "the node's lease cannot be renewed; it is tried again");
      }
    }
  }

  async #renewOrTakeAgain(): Promise<void> {
    const { leases, clock, log, self } = this.#parts;
    if (this.#lease !== undefined) {
      const isLate = clock.now().getTime() - this.#seenAt >= SIGHTING_MS;
      if (await leases.renew(this.#lease)) return isLate ? this.#noteSighting() : undefined;
      this.#lease = undefined;
    }
    const other = await this.#take();
    if (other === 'taken') {
      log.info({ node: self.node }, "the node's lease had run out, and is there again");
      this.#contested = false;
    } else if (!this.#contested) {
      log.error(
        { other },
        `${nameInUse(other).message}; this host keeps its containers as they are, and tries to get the name back`,
      );
      this.#contested = true;
    }
  }

  /** `taken`: the name is ours. Else who has it. */
  async #take(): Promise<'taken' | Tenure> {
    const { datastore, leases, self, clock } = this.#parts;
    const key = tenureKey(self.node);
    const stored = await datastore.get(key);
    const holder = stored && TenureRecord.decode(key, stored.value);
    if (holder !== undefined && holder.host !== self.host) return holder;
    const lease = await leases.grant(TENURE_SECONDS);
    const value = TenureRecord.encode({ ...self, since: clock.now().toISOString() });
    const compares = [{ key, revision: stored?.revision ?? ABSENT }];
    const outcome = await leases.transact(lease, { compares, writes: [{ kind: 'put', key, value }] });
    if (outcome.kind === 'conflict') {
      await leases.revoke(lease);
      return this.#take();
    }
    this.#lease = lease;
    await this.#noteSighting();
    return 'taken';
  }

  async #noteSighting(): Promise<void> {
    const { datastore, self, clock } = this.#parts;
    const at = clock.now();
    const value = SightingRecord.encode({ node: self.node, at: at.toISOString() });
    await datastore.transact({ compares: [], writes: [{ kind: 'put', key: sightingKey(self.node), value }] });
    this.#seenAt = at.getTime();
  }
}

const nameInUse = ({ node, hostName, ip, since }: Tenure): ConflictError =>
  new ConflictError(
    `the node name ${node} belongs to another host, ${hostName}${ip === undefined ? '' : ` at ${ip}`}, whose daemon has run since ${since}; give this host a name of its own with --node-name, or stop the daemon there if this host takes its place`,
  );

function ignoreUnavailable(error: unknown): undefined {
  if (error instanceof DatastoreUnavailableError) return undefined;
  throw error;
}
