/**
 * Words that put the name in the middle, as calicoctl has it, brought into the order commander can read:
 * `profile WEB rule add ...` becomes `profile rule add WEB ...`. Other words come back as they are.
 */
export function rewriteArguments(words: readonly string[]): readonly string[] {
  return dockersOptions(nameFirst(words));
}

/** `network create -o KEY=VALUE` is Docker's; elsewhere `-o` is how to print. */
function dockersOptions(words: readonly string[]): readonly string[] {
  const at = words.indexOf('network');
  if (at < 0 || words[at + 1] !== 'create') return words;
  return words.map((word, i) => (word === '-o' && i > at && words[i + 1]?.includes('=') ? '--opt' : word));
}

function nameFirst(words: readonly string[]): readonly string[] {
  const at = words.findIndex((word) => Object.hasOwn(GROUPS, word));
  const group = GROUPS[words[at] ?? ''];
  // Options before the group and their values are no commands: `-o json profile ...`.
  if (
    group === undefined ||
    !words.slice(0, at).every((word, i, all) => word.startsWith('-') || takesValue(all[i - 1]))
  ) {
    return words;
  }
  const [name, object, verb, ...rest] = words.slice(at + 1);
  if (name === undefined || object === undefined || name.startsWith('-') || group.verbs.includes(name)) return words;
  const verbs = group.objects[object];
  if (verbs === undefined) return words;
  const head = [...words.slice(0, at + 1), object];
  if (verbs.length === 0) return [...head, name, ...(verb === undefined ? [] : [verb]), ...rest];
  return verb === undefined ? [...head, '--help'] : [...head, verb, name, ...rest];
}

const takesValue = (word: string | undefined): boolean => word === '-o' || word === '--output' || word === '--socket';

interface Group {
  /** What follows the group when it is no name. */
  readonly verbs: readonly string[];
  /** What follows a name, with its own verbs; none for one that takes a value instead. */
  readonly objects: Readonly<Record<string, readonly string[]>>;
}

export const GROUPS: Readonly<Record<string, Group>> = {
  profile: {
    verbs: ['add', 'remove', 'list', 'show', 'rule', 'tag', 'mode', 'help'],
    objects: {
      rule: ['add', 'remove', 'show', 'json', 'update'],
      tag: ['add', 'remove', 'show'],
      mode: [],
    },
  },
  endpoint: {
    verbs: ['list', 'show', 'profile', 'help'],
    objects: { profile: ['append', 'remove', 'set', 'show'] },
  },
  container: {
    verbs: ['list', 'show', 'profile', 'help'],
    objects: { profile: ['append', 'remove', 'set', 'show'] },
  },
};
