import type { Datastore } from '../effects/datastore.js';
import type { Liveness, NodeLiveness } from '../effects/node-liveness.js';
import type { NodeName } from '../model/ids.js';
import { SightingRecord, sightingKey, TenureRecord, tenureKey } from '../model/tenure.js';

/** Told from the records that each daemon keeps of itself. In a store of one host only this node lives. */
export class StoredNodeLiveness implements NodeLiveness {
  readonly #datastore: Pick<Datastore, 'list' | 'health' | 'leases'>;
  readonly #self: NodeName;

  constructor(datastore: Pick<Datastore, 'list' | 'health' | 'leases'>, self: NodeName) {
    this.#datastore = datastore;
    this.#self = self;
  }

  async of(nodes: Iterable<NodeName>): Promise<ReadonlyMap<NodeName, Liveness>> {
    const told = await this.#tell();
    return new Map([...nodes].map((node) => [node, node === this.#self ? { state: 'alive' } : told(node)]));
  }

  async #tell(): Promise<(node: NodeName) => Liveness> {
    const unknown = (): Liveness => ({ state: 'unknown' });
    // Who asks for the status of a node whose store is away does not want to wait for it.
    if (this.#datastore.health().kind === 'unavailable') return unknown;
    try {
      const tenures = await this.#datastore.list(TenureRecord.prefix);
      const alive = new Set(tenures.items.map(({ key }) => key));
      const sightings = await this.#datastore.list(SightingRecord.prefix);
      const seen = new Map(sightings.items.map(({ key, value }) => [key, value]));
      return (node) => {
        if (alive.has(tenureKey(node))) return { state: 'alive' };
        const text = seen.get(sightingKey(node));
        return { state: 'gone', lastSeen: text && lastSeenOf(node, text) };
      };
    } catch {
      return unknown;
    }
  }
}

function lastSeenOf(node: NodeName, text: string): string | undefined {
  try {
    return SightingRecord.decode(sightingKey(node), text).at;
  } catch {
    return undefined;
  }
}
