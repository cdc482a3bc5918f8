import type { ClusterChange } from '../../src/effects/cluster-view.js';
import type { NodeName } from '../../src/model/ids.js';
import { type BgpSession, isBetweenNodes } from './bgp-sessions.js';

/**
 * BIRD 2 keeps every link that it ever saw, and looks through all of them at each word of the kernel's: after so many
 * endpoints it takes 2 ms more for each, and has 8 MB more.
 */
const WORN_AFTER = 10_000;

/** How many endpoints of this node one run of BIRD has seen. */
export class BirdWear {
  readonly #node: NodeName;
  #endpoints = 0;

  constructor(node: NodeName) {
    this.#node = node;
  }

  hear({ kind, before, after }: ClusterChange): void {
    if (kind === 'endpoint' && before === undefined && after?.node === this.#node) this.#endpoints++;
  }

  /** Whether to start it anew: where all peers are known to keep its routes meanwhile. */
  isTooMuch(sessions: readonly BgpSession[]): boolean {
    return this.#endpoints >= WORN_AFTER && sessions.every(isBetweenNodes);
  }

  startedAnew(): void {
    this.#endpoints = 0;
  }
}
