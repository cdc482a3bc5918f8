import type { IpAddress } from '../src/model/ip-address.js';
import { parseSelector, type Selector } from '../src/model/selector.js';
import { AddressIndex } from './address-index.js';
import { isInSelection, isSelected, type Selectable, type Selection, selectionKey } from './selected-endpoints.js';

export interface SelectionChanges {
  readonly added: readonly (readonly [Selection, IpAddress])[];
  readonly removed: readonly (readonly [Selection, IpAddress])[];
  /** Something that was allowed may be denied now. */
  readonly mayCut: boolean;
}

const NO_CHANGES: SelectionChanges = { added: [], removed: [], mayCut: false };

/**
 * Which addresses are in which selection, for the selections in use. A change of one endpoint costs one evaluation of
 * each selector in use; a selection that comes into use looks at every endpoint once.
 */
export class SelectionIndex {
  readonly #selections = new Map<string, { readonly selection: Selection; readonly selector: Selector }>();
  readonly #addresses = new AddressIndex<string>();

  /** The selection is kept from now on. @returns its addresses */
  add(selection: Selection, endpoints: Iterable<Selectable>): Iterable<IpAddress> {
    const key = selectionKey(selection);
    const selector = parseSelector(selection.selector);
    this.#selections.set(key, { selection, selector });
    for (const endpoint of endpoints) {
      if (!isInSelection(isSelected(selector, endpoint), selection.reading)) continue;
      for (const address of endpoint.addresses) this.#addresses.add(key, address);
    }
    return this.#addresses.addresses(key);
  }

  remove(selection: Selection): void {
    const key = selectionKey(selection);
    this.#selections.delete(key);
    this.#addresses.clear(key);
  }

  move(before: Selectable | undefined, after: Selectable | undefined): SelectionChanges {
    if (this.#selections.size === 0 || sameForSelectors(before, after)) return NO_CHANGES;
    const added: (readonly [Selection, IpAddress])[] = [];
    const removed: (readonly [Selection, IpAddress])[] = [];
    let mayCut = false;
    for (const [key, { selection, selector }] of this.#selections) {
      const had = before && isSelected(selector, before);
      const has = after && isSelected(selector, after);
      const old = before !== undefined && isInSelection(had, selection.reading) ? before.addresses : [];
      const now = after !== undefined && isInSelection(has, selection.reading) ? after.addresses : [];
      if (String(old) === String(now)) continue;
      for (const address of now) if (this.#addresses.add(key, address)) added.push([selection, address]);
      for (const address of old) if (this.#addresses.delete(key, address)) removed.push([selection, address]);
      // To learn of labels only opens: what was not known was denied. An endpoint that comes or goes has no flows.
      const learned = had === undefined && String(before?.addresses) === String(after?.addresses);
      if (before !== undefined && after !== undefined && !learned) mayCut = true;
    }
    return { added, removed, mayCut };
  }
}

const sameForSelectors = (before: Selectable | undefined, after: Selectable | undefined): boolean =>
  before !== undefined &&
  after !== undefined &&
  (before.container === undefined) === (after.container === undefined) &&
  String(before.addresses) === String(after.addresses) &&
  (before.labels === after.labels || JSON.stringify(before.labels) === JSON.stringify(after.labels));
