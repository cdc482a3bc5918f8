import type { Endpoint } from '../src/model/endpoint.js';
import type { EndpointId, ProfileName, TagName } from '../src/model/ids.js';
import type { IpAddress } from '../src/model/ip-address.js';
import type { Place } from './places.js';

/** What policy keeps of each endpoint of the cluster, which may have hundreds of thousands: little memory. */
export class KnownEndpoint {
  readonly id: EndpointId;
  readonly place: Place;
  /** Its own, or its container's; undefined: those of its network. */
  readonly chosen: readonly ProfileName[] | undefined;
  /** Besides those of its profiles. */
  readonly tags: readonly TagName[];
  readonly labels: Endpoint['labels'];
  /** Docker has told of it. */
  readonly container: true | undefined;
  /** Those that it was found to have. */
  profiles: readonly ProfileName[] | undefined;
  /** One text takes a third of a list with a text. */
  readonly #addresses: string;

  constructor(place: Place, endpoint: Endpoint, profiles: readonly ProfileName[] | undefined) {
    this.id = endpoint.id;
    this.place = place;
    this.chosen = endpoint.profiles ?? endpoint.containerProfiles;
    this.tags = endpoint.tags;
    this.labels = endpoint.labels;
    this.container = endpoint.container && true;
    this.profiles = profiles;
    this.#addresses = endpoint.addresses.join(' ');
  }

  /** As the endpoint's; another list each time. */
  get addresses(): readonly IpAddress[] {
    return this.#addresses === '' ? [] : (this.#addresses.split(' ') as IpAddress[]);
  }
}
