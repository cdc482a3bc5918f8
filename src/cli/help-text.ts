import type { Command } from 'commander';

const EXAMPLES = new WeakMap<Command, readonly string[]>();

/** Command lines that show how the command is meant, in its help and in the reference. */
export function examples(command: Command, lines: readonly string[]): void {
  EXAMPLES.set(command, lines);
  command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  ${line}\n`).join('')}`);
}

export const examplesOf = (command: Command): readonly string[] => EXAMPLES.get(command) ?? [];

/** The whole usage line of a command that has one of its own, such as those with the name in the middle. */
export function usageOf(command: Command): string | undefined {
  const usage = command.usage();
  return usage.startsWith('corduroy ') ? usage.trimEnd() : undefined;
}
