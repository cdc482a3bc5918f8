import type { NodeName } from '../model/ids.js';

/** What went with a node. */
export interface NodeRemoval {
  readonly endpoints: number;
  readonly networks: number;
  readonly addresses: number;
  /** Its own record was there. */
  readonly known: boolean;
}

/** What people may do to a node as a whole. */
export interface NodeAdmin {
  /**
   * Removes all that the records hold of another node: its endpoints, its part in networks and the networks that no
   * other has, its addresses and blocks, and at last its own record, so that what was interrupted can be done again.
   *
   * @throws ConflictError if it has endpoints and they are not to be removed, or if its daemon lives: what is given up
   * would be given to others while its containers still have it
   */
  remove(node: NodeName, options: { readonly removeEndpoints: boolean }): Promise<NodeRemoval>;
}
