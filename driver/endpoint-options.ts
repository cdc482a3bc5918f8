import type { ClusterView } from '../src/effects/cluster-view.js';
import { InvalidRequestError, NotFoundError } from '../src/model/errors.js';
import { type ProfileName, parseProfileName, parseTagName, type TagName } from '../src/model/ids.js';
import { parseNameList } from './network-options.js';

/** What an endpoint was given with `driver-opt`. */
export interface EndpointOptions {
  /** Absent: its network's. */
  readonly profiles?: readonly ProfileName[] | undefined;
  readonly tags: readonly TagName[];
  readonly labels: Readonly<Record<string, string>>;
}

const PROFILES = 'corduroy.profiles';
const TAGS = 'corduroy.tags';
const LABELS = 'corduroy.labels';
const KNOWN = [PROFILES, TAGS, LABELS];

/**
 * Docker's own options, under `com.docker.`, pass: the engine acts on them. Anything else that is not ours is refused,
 * because nobody would act on it.
 *
 * @throws InvalidRequestError naming the option, NotFoundError naming a profile that is absent and those that are there
 */
export function parseEndpointOptions(
  options: Readonly<Record<string, string | undefined>>,
  view: Pick<ClusterView, 'profiles'>,
): EndpointOptions {
  for (const name of Object.keys(options)) {
    if (KNOWN.includes(name) || name.startsWith('com.docker.')) continue;
    throw new InvalidRequestError(`driver-opt "${name.slice(0, 60)}" is unknown: there are ${KNOWN.join(', ')}`);
  }
  const profiles = options[PROFILES];
  const tags = options[TAGS];
  const labels = options[LABELS];
  return {
    ...(profiles === undefined ? {} : { profiles: resolveProfiles(parseNameList(PROFILES, profiles), view) }),
    tags: tags === undefined ? [] : resolveTags(parseNameList(TAGS, tags), view),
    labels: labels === undefined ? {} : parseLabels(labels),
  };
}

/** The profiles of these names, in order. @throws NotFoundError with the list of those that there are */
export function resolveProfiles(
  names: readonly string[],
  { profiles }: Pick<ClusterView, 'profiles'>,
): readonly ProfileName[] {
  const resolved = names.map((name) => {
    const found = matchName(parseProfileName(name), profiles.keys());
    if (profiles.has(found)) return found;
    const there = [...profiles.keys()].toSorted();
    throw new NotFoundError(
      `profile ${name} does not exist: ${there.length === 0 ? 'there is none yet' : `there are ${there.join(', ')}`}; add it with "corduroy profile add ${name}"`,
    );
  });
  return [...new Set(resolved)];
}

function resolveTags(names: readonly string[], view: Pick<ClusterView, 'profiles'>): readonly TagName[] {
  const known = new Set<TagName>();
  for (const { value } of view.profiles.values()) {
    for (const tag of value.tags) known.add(tag);
    for (const { source, destination } of [...value.inbound, ...value.outbound]) {
      for (const { tag } of [source, destination]) if (tag !== undefined) known.add(tag.value);
    }
  }
  return [...new Set(names.map((name) => matchName(parseTagName(name), known)))];
}

/**
 * The name itself if it is there, or the only one that differs from it in case alone: clients before 23.0 turn the
 * values of `driver-opt` into lower case.
 */
function matchName<Name extends string>(name: Name, known: Iterable<Name>): Name {
  const alike: Name[] = [];
  for (const candidate of known) {
    if (candidate === name) return name;
    if (candidate.toLowerCase() === name.toLowerCase()) alike.push(candidate);
  }
  const [only] = alike;
  return alike.length === 1 && only !== undefined ? only : name;
}

function parseLabels(text: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  for (const part of text.split(',')) {
    const equals = part.indexOf('=');
    const key = part.slice(0, Math.max(equals, 0)).trim();
    if (key === '') {
      throw new InvalidRequestError(
        `driver-opt "${LABELS}" has ${JSON.stringify(part.slice(0, 60))}: write KEY=VALUE, with commas between several`,
      );
    }
    labels[key] = part.slice(equals + 1);
  }
  return labels;
}
