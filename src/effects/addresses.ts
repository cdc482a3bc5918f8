import type { HandleId } from '../model/ids.js';
import type { IpAddress } from '../model/ip-address.js';
import type { Compare, Write } from './datastore.js';

/** What the network driver needs of address management: addresses become an endpoint's in the endpoint's own transaction. */
export interface AddressAssignments {
  /**
   * Gives addresses that were assigned unbound to `handle`, and makes `alongside` true, all in one transaction.
   * Idempotent for the same handle.
   *
   * @throws ConflictError if an address belongs to another handle, or a compare of `alongside` fails
   * @throws NotFoundError if an address is not assigned at all
   */
  bind(request: {
    readonly addresses: readonly IpAddress[];
    readonly handle: HandleId;
    readonly alongside: { readonly compares: readonly Compare[]; readonly writes: readonly Write[] };
    /** Called when nothing that is known speaks against it and it is about to be written; maybe more than once. */
    readonly decided?: () => void;
  }): Promise<void>;
  /** The reverse: `alongside` happens, and the handle's addresses are unbound but still assigned, until Docker releases them. */
  unbind(request: {
    readonly handle: HandleId;
    readonly addresses: readonly IpAddress[];
    readonly alongside: { readonly compares: readonly Compare[]; readonly writes: readonly Write[] };
  }): Promise<void>;
}
