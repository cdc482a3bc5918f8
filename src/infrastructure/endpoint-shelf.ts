import type { Versioned } from '../effects/cluster-view.js';
import type { Endpoint } from '../model/endpoint.js';
import type { EndpointId } from '../model/ids.js';
import { type PackedEndpoint, packEndpoint, unpackEndpoint } from './packed-endpoint.js';
import type { Shelf } from './record-table.js';

/**
 * Holds the endpoints of a cluster in little memory. Each is put together when it is asked for, another object each time:
 * a look at all of hundreds of thousands takes some tenths of a second, and should keep few of them.
 */
export class EndpointShelf implements Shelf<EndpointId, Endpoint> {
  readonly #packed = new Map<EndpointId, PackedEndpoint>();

  get size(): number {
    return this.#packed.size;
  }

  has(id: EndpointId): boolean {
    return this.#packed.has(id);
  }

  get(id: EndpointId): Versioned<Endpoint> | undefined {
    const packed = this.#packed.get(id);
    return packed && unpackEndpoint(id, packed);
  }

  set(_: EndpointId, record: Versioned<Endpoint>): void {
    // The record's own id: a part of its key would keep the whole key.
    this.#packed.set(record.value.id, packEndpoint(record));
  }

  delete(id: EndpointId): boolean {
    return this.#packed.delete(id);
  }

  keys() {
    return this.#packed.keys();
  }

  *values(): Generator<Versioned<Endpoint>, undefined> {
    for (const [id, packed] of this.#packed) yield unpackEndpoint(id, packed);
    return undefined;
  }

  *entries(): Generator<[EndpointId, Versioned<Endpoint>], undefined> {
    for (const [id, packed] of this.#packed) yield [id, unpackEndpoint(id, packed)];
    return undefined;
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  forEach(
    visit: (record: Versioned<Endpoint>, id: EndpointId, all: ReadonlyMap<EndpointId, Versioned<Endpoint>>) => void,
  ): void {
    for (const [id, record] of this) visit(record, id, this);
  }
}
