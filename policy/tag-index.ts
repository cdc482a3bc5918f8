import type { TagName } from '../src/model/ids.js';
import type { IpAddress } from '../src/model/ip-address.js';

/**
 * Which addresses bear which tag, over the whole cluster. An address that two endpoints claim, as while one record
 * overtakes another, stays until both have gone.
 */
export class TagIndex {
  readonly #addresses = new Map<TagName, Map<IpAddress, number>>();

  /** True: the address bears the tag from now on, and did not before. */
  add(tag: TagName, address: IpAddress): boolean {
    const addresses = this.#addresses.get(tag) ?? new Map<IpAddress, number>();
    this.#addresses.set(tag, addresses);
    const claims = addresses.get(address) ?? 0;
    addresses.set(address, claims + 1);
    return claims === 0;
  }

  /** True: the address bears the tag no longer. */
  delete(tag: TagName, address: IpAddress): boolean {
    const addresses = this.#addresses.get(tag);
    const claims = addresses?.get(address);
    if (addresses === undefined || claims === undefined) return false;
    if (claims > 1) {
      addresses.set(address, claims - 1);
      return false;
    }
    addresses.delete(address);
    if (addresses.size === 0) this.#addresses.delete(tag);
    return true;
  }

  addresses(tag: TagName): Iterable<IpAddress> {
    return this.#addresses.get(tag)?.keys() ?? [];
  }
}
