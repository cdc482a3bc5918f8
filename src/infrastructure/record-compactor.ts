import type { Endpoint } from '../model/endpoint.js';
import type { NodeNetwork } from '../model/network.js';

/** Texts that are remembered at most; then it begins anew, which costs only what is then kept twice. */
const MOST_SHARED = 20_000;
const NONE: readonly never[] = Object.freeze([]);

/**
 * Makes records that take little memory, out of such as have just been read: what many of them have in common is the
 * same object, and all have their fields in one place. For hundreds of thousands that are kept and seldom looked at.
 */
export class RecordCompactor {
  readonly #texts = new Map<string, string>();
  readonly #lists = new Map<string, readonly string[]>();

  /** Equal to what it was given; fields that were absent are undefined. */
  endpoint(endpoint: Endpoint): Endpoint {
    const { container } = endpoint;
    return {
      id: endpoint.id,
      node: this.#text(endpoint.node),
      dockerNetworkId: this.#text(endpoint.dockerNetworkId),
      mac: endpoint.mac,
      addresses: endpoint.addresses,
      profiles: endpoint.profiles && this.#list(endpoint.profiles),
      containerProfiles: endpoint.containerProfiles && this.#list(endpoint.containerProfiles),
      tags: this.#list(endpoint.tags),
      labels: this.#labels(endpoint.labels, container?.name),
      container,
      published: endpoint.published.length === 0 ? NONE : endpoint.published,
      createdAt: endpoint.createdAt,
    };
  }

  /** As `endpoint`. @param key of its record, which ends in Docker's id of the network */
  nodeNetwork(
    key: string,
    { node, dockerNetworkId, network, provisional, linkLocalGateway }: NodeNetwork,
  ): NodeNetwork {
    return {
      node: this.#text(node),
      // Part of the key, which is kept anyway.
      dockerNetworkId: key.slice(-dockerNetworkId.length) as NodeNetwork['dockerNetworkId'],
      network: this.#text(network),
      provisional,
      linkLocalGateway: this.#text(linkLocalGateway),
    };
  }

  #labels(labels: Endpoint['labels'], containerName: string | undefined): Endpoint['labels'] {
    // A copy has room for just as many as there are.
    const compact: Record<string, string> = { ...labels };
    for (const [label, value] of Object.entries(labels)) {
      compact[label] = value === containerName ? containerName : this.#text(value);
    }
    return compact;
  }

  #text<T extends string>(text: T): T {
    const shared = this.#texts.get(text);
    if (shared !== undefined) return shared as T;
    remember(this.#texts, text, text);
    return text;
  }

  #list<T extends string>(list: readonly T[]): readonly T[] {
    if (list.length === 0) return NONE;
    const text = list.join(' ');
    const shared = this.#lists.get(text);
    if (shared !== undefined) return shared as readonly T[];
    const one = list.map((item) => this.#text(item));
    remember(this.#lists, text, one);
    return one;
  }
}

function remember<T>(table: Map<string, T>, key: string, value: T): void {
  if (table.size >= MOST_SHARED) table.clear();
  table.set(key, value);
}
