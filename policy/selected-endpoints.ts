import type { Endpoint } from '../src/model/endpoint.js';
import type { Profile } from '../src/model/profile.js';
import type { Negatable, Rule } from '../src/model/rule.js';
import { evaluateSelector, type Selector, type SelectorText } from '../src/model/selector.js';

/**
 * How a rule is read while labels are not known yet. `sure`: it matches only what it will match whatever they turn out
 * to be. `possible`: it matches all that it may turn out to match.
 */
export type Reading = 'sure' | 'possible';

/** The addresses of the endpoints that a selector selects surely, or possibly, as one set of the kernel holds them. */
export interface Selection {
  readonly selector: SelectorText;
  readonly reading: Reading;
}

/** Labels under it are ours to give, and come with the container; others of an endpoint stay as they are. */
const DOCKER_PREFIX = 'docker/';

/** What of an endpoint selectors look at; `container` is undefined until Docker has told of it. */
export interface Selectable extends Pick<Endpoint, 'labels' | 'addresses'> {
  readonly container?: unknown;
}

/** Undefined: it depends on labels of a container that Docker has not told of yet. */
export function isSelected(selector: Selector, { labels, container }: Selectable): boolean | undefined {
  return evaluateSelector(selector, (key) => {
    if (container === undefined && (key.startsWith(DOCKER_PREFIX) || !Object.hasOwn(labels, key))) return null;
    return Object.hasOwn(labels, key) ? labels[key] : undefined;
  });
}

/** Whether the endpoint's addresses are in the set of that reading. */
export const isInSelection = (verdict: boolean | undefined, reading: Reading): boolean =>
  verdict ?? reading === 'possible';

/** The set that a rule read in this way looks into: what is surely not selected is what is not possibly selected. */
export const selectionOf = ({ value, negated }: Negatable<SelectorText>, reading: Reading): Selection => ({
  selector: value,
  reading: (reading === 'sure') !== negated ? 'sure' : 'possible',
});

/**
 * What opens must be sure, what closes need only be possible. A `pass` may do either, as what follows it decides: it is
 * made where it is sure, and what may have to pass is denied until it is known.
 */
export const readingsOf = ({ action, source, destination }: Rule): readonly Reading[] => {
  if (source.selector === undefined && destination.selector === undefined) return ['sure'];
  if (action === 'pass') return ['sure', 'possible'];
  return action === 'deny' ? ['possible'] : ['sure'];
};

export const selectionKey = ({ selector, reading }: Selection): string => `${reading} ${selector}`;

/** Selections that the profile's chains look up, by key. */
export function selectionsReferredTo(profile: Profile): ReadonlyMap<string, Selection> {
  const selections = [...profile.inbound, ...profile.outbound].flatMap((rule) =>
    [rule.source.selector, rule.destination.selector].flatMap((selector) =>
      selector === undefined ? [] : readingsOf(rule).map((reading) => selectionOf(selector, reading)),
    ),
  );
  return new Map(selections.map((selection) => [selectionKey(selection), selection]));
}
