import type { IpSets } from '../src/effects/ip-sets.js';
import { KernelError } from '../src/model/errors.js';
import type { IpSetName } from '../src/model/ip-set.js';

/**
 * Sets that no rule of ours names any more. The nft backend lets go of a set only some ms after the last rule that
 * named it went, and refuses to destroy it until then: whether it is gone yet matters to nobody, so they wait here.
 */
export class RetiredSets {
  readonly #ipSets: Pick<IpSets, 'apply'>;
  readonly #names = new Set<IpSetName>();

  constructor(ipSets: Pick<IpSets, 'apply'>) {
    this.#ipSets = ipSets;
  }

  get size(): number {
    return this.#names.size;
  }

  has(name: IpSetName): boolean {
    return this.#names.has(name);
  }

  retire(names: Iterable<IpSetName>): void {
    for (const name of names) this.#names.add(name);
  }

  /** The set is wanted again. True: it may still be there, with the members that it had. */
  takeBack(name: IpSetName): boolean {
    return this.#names.delete(name);
  }

  /** Destroys those that the kernel lets go of; the others stay retired. Not to be run beside other changes of sets. */
  async sweep(): Promise<void> {
    for (const name of this.#names) {
      try {
        await this.#ipSets.apply([{ kind: 'destroy', name }]);
        this.#names.delete(name);
      } catch (error) {
        if (!(error instanceof KernelError && /in use/.test(error.detail))) throw error;
      }
    }
  }
}
