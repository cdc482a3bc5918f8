import type { IpAddress } from '../src/model/ip-address.js';

/**
 * Which addresses belong to which tag or selection in use, over the whole cluster. An address that two endpoints claim, as
 * while one record overtakes another, stays until both have gone.
 */
export class AddressIndex<K> {
  readonly #addresses = new Map<K, Map<IpAddress, number>>();

  /** True: the address belongs to it from now on, and did not before. */
  add(key: K, address: IpAddress): boolean {
    const addresses = this.#addresses.get(key) ?? new Map<IpAddress, number>();
    this.#addresses.set(key, addresses);
    const claims = addresses.get(address) ?? 0;
    addresses.set(address, claims + 1);
    return claims === 0;
  }

  /** True: the address belongs to it no longer. */
  delete(key: K, address: IpAddress): boolean {
    const addresses = this.#addresses.get(key);
    const claims = addresses?.get(address);
    if (addresses === undefined || claims === undefined) return false;
    if (claims > 1) {
      addresses.set(address, claims - 1);
      return false;
    }
    addresses.delete(address);
    if (addresses.size === 0) this.#addresses.delete(key);
    return true;
  }

  clear(key: K): void {
    this.#addresses.delete(key);
  }

  addresses(key: K): Iterable<IpAddress> {
    return this.#addresses.get(key)?.keys() ?? [];
  }
}
