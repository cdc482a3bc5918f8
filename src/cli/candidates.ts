import type { Command } from 'commander';
import { GROUPS, rewriteArguments } from './rewrite-arguments.js';

/** Where the daemon lists what an argument of this name may be, and the field that holds it. */
const NAMES: Readonly<Record<string, { readonly path: string; readonly nameOf: (row: never) => string | undefined }>> =
  {
    profile: { path: '/profiles', nameOf: ({ name }: { name: string }) => name },
    pool: { path: '/pools', nameOf: ({ cidr }: { cidr: string }) => cidr },
    network: { path: '/networks', nameOf: ({ name }: { name: string }) => name },
    node: { path: '/nodes', nameOf: ({ name }: { name: string }) => name },
    endpoint: { path: '/endpoints', nameOf: ({ id }: { id: string }) => id.slice(0, 12) },
    peer: { path: '/bgp/peers', nameOf: ({ address }: { address: string }) => address },
    container: {
      path: '/endpoints',
      nameOf: ({ container }: { container: { name: string } | null }) => container?.name,
    },
  };

/**
 * What may stand for the last of `words`, sorted and unique.
 *
 * @param fetch asks the daemon; a failure offers nothing
 */
export async function candidates(
  program: Command,
  words: readonly string[],
  fetch: (path: string) => Promise<readonly object[]>,
): Promise<readonly string[]> {
  const typed = words.at(-1) ?? '';
  const found = await possible(program, words.slice(0, -1), typed, fetch);
  return [...new Set(found.filter((candidate) => candidate.startsWith(typed)))].sort((a, b) => (a < b ? -1 : 1));
}

type Fetch = Parameters<typeof candidates>[2];

async function possible(program: Command, before: readonly string[], typed: string, fetch: Fetch): Promise<string[]> {
  const [top = '', name, object] = before;
  const group = GROUPS[top];
  const middle = group !== undefined && name !== undefined && !group.verbs.includes(name) ? group : undefined;
  if (middle !== undefined && before.length === 2) return Object.keys(middle.objects);
  if (middle !== undefined && before.length === 3) {
    const verbs = middle.objects[object ?? ''] ?? [];
    return verbs.length > 0 ? [...verbs] : choicesOf(descend(program, [top, object ?? '']).command, 1);
  }
  const { command, given } = descend(program, rewriteArguments(before));
  if (typed.startsWith('-')) {
    return [command, program].flatMap(({ options }) => options.flatMap(({ long }) => long ?? []));
  }
  const option = command.options.find(({ long }) => long === before.at(-1) && long !== undefined);
  if (option?.required === true) return option.argChoices ?? (await namesOf(option.attributeName(), fetch));
  const verbs = command.commands.map((child) => child.name());
  const names = group !== undefined && before.length === 1 ? await namesOf(top, fetch) : [];
  if (verbs.length > 0) return [...verbs, ...names];
  const choices = choicesOf(command, given);
  return choices.length > 0 ? choices : namesOf(argumentAt(command, given)?.name() ?? '', fetch);
}

/** The command that the words lead to, and how many of its arguments are given. */
function descend(program: Command, words: readonly string[]): { command: Command; given: number } {
  let command = program;
  let given = 0;
  for (const [index, word] of words.entries()) {
    const child = command.commands.find((c) => c.name() === word);
    if (child !== undefined && given === 0) command = child;
    else if (!word.startsWith('-') && !isOptionValue(command, words[index - 1])) given++;
  }
  return { command, given };
}

const isOptionValue = (command: Command, before: string | undefined): boolean =>
  command.options.some(({ long, required }) => required && long === before);

const argumentAt = ({ registeredArguments }: Command, index: number) =>
  registeredArguments[index] ?? registeredArguments.find(({ variadic }) => variadic);

const choicesOf = (command: Command, index: number): string[] => argumentAt(command, index)?.argChoices ?? [];

async function namesOf(kind: string, fetch: Fetch): Promise<string[]> {
  const source = Object.hasOwn(NAMES, kind) ? NAMES[kind] : undefined;
  if (source === undefined) return [];
  const rows = await fetch(source.path).catch(() => []);
  return rows.flatMap((row) => source.nameOf(row as never) ?? []);
}
