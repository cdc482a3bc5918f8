import type { DockerContainer } from '../src/effects/docker.js';
import { CorduroyError } from '../src/model/errors.js';
import { type ProfileName, parseProfileName, parseTagName, type TagName } from '../src/model/ids.js';

export const PROFILES_LABEL = 'corduroy.profiles';
export const TAGS_LABEL = 'corduroy.tags';

/** What `docker/...` keys we add to the container's own labels. */
export const NAME_KEY = 'docker/name';
export const IMAGE_KEY = 'docker/image';

/** A key that selectors can spell: Kubernetes' and Calico's alphabet, which Compose's and OCI's keys keep to. */
const USABLE_KEY = /^[A-Za-z0-9_][A-Za-z0-9_./-]{0,255}$/;
/** Characters: longer ones are documents, not marks to select by. */
const MAX_VALUE_LENGTH = 1_024;
/** Of all keys and values of one container, in characters: a record is read by every node. */
const MAX_TOTAL_LENGTH = 16_384;

/** What a container's labels mean for its endpoints. */
export interface ContainerMarks {
  /** Absent: the label is not there, or empty. Empty: it cannot be read, and nothing is to be allowed. */
  readonly profiles?: readonly ProfileName[] | undefined;
  readonly tags: readonly TagName[];
  readonly labels: Readonly<Record<string, string>>;
  /** One sentence each, about labels that were meant for us and cannot be read. */
  readonly problems: readonly string[];
}

/**
 * The marks of a container: profiles and tags from its `corduroy.` labels, and every label that a selector can name,
 * together with `docker/name` and `docker/image`.
 *
 * A name that cannot be a profile's takes all the container's profiles away, because the one that was meant may be the
 * one that denies. A name that cannot be a tag's is left out: no rule can speak of it.
 */
export function readContainer(container: Pick<DockerContainer, 'name' | 'image' | 'labels'>): ContainerMarks {
  const profiles = readNames(container, PROFILES_LABEL, parseProfileName);
  const tags = readNames(container, TAGS_LABEL, parseTagName);
  const unreadable = profiles.problems.length > 0;
  return {
    ...(unreadable || profiles.names.length > 0 ? { profiles: unreadable ? [] : profiles.names } : {}),
    tags: tags.names,
    labels: { ...usableLabels(container.labels), [NAME_KEY]: container.name, [IMAGE_KEY]: container.image },
    problems: [
      ...profiles.problems.map((problem) => `${problem}; until then nothing is allowed to or from it`),
      ...tags.problems,
    ],
  };
}

function readNames<T>(
  { name, labels }: Pick<DockerContainer, 'name' | 'labels'>,
  label: string,
  parse: (text: string) => T,
): { readonly names: readonly T[]; readonly problems: readonly string[] } {
  const names = new Set<T>();
  const problems: string[] = [];
  for (const text of (labels[label] ?? '').split(',').map((part) => part.trim())) {
    if (text === '') continue;
    try {
      names.add(parse(text));
    } catch (error) {
      if (!(error instanceof CorduroyError)) throw error;
      problems.push(
        `the label ${label} of container ${name} cannot be read: ${error.message}; create the container again with names between commas`,
      );
    }
  }
  return { names: [...names], problems };
}

/** In the order of their keys, so that the same labels always give the same record, also when there are too many. */
function usableLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  let left = MAX_TOTAL_LENGTH;
  const usable: Record<string, string> = {};
  for (const [key, value] of Object.entries(labels).toSorted(([one], [other]) => (one < other ? -1 : 1))) {
    if (key === PROFILES_LABEL || key === TAGS_LABEL || !USABLE_KEY.test(key)) continue;
    if (value.length > MAX_VALUE_LENGTH || key.length + value.length > left) continue;
    left -= key.length + value.length;
    usable[key] = value;
  }
  return usable;
}
