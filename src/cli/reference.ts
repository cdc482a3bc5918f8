import type { Command } from 'commander';
import { examplesOf, usageOf } from './help-text.js';

/** The reference of all commands as Markdown, made from the commands themselves. */
export function commandReference(program: Command): string {
  const sections = program.commands.filter((command) => command.name() !== 'help').map((command) => section(command));
  return `${INTRODUCTION}\n${sections.join('\n')}`;
}

const INTRODUCTION = `# The command line

\`corduroy\`, or \`cord\` for short, speaks to the daemon of this host over its admin socket, as root. Every command takes
\`-o json\`, \`-o yaml\` or \`-o wide\`, and \`--socket PATH\` for another daemon; the exit code is 0 when it did what was asked, 1 when it
failed, 2 when it was called wrongly. \`--help\` after any command shows its options and examples.
`;

function section(command: Command): string {
  const parts = [`## ${pathOf(command)}\n`, `${capitalised(command.description())}.\n`];
  const leaves = leavesOf(command);
  if (leaves.length === 1 && leaves[0] === command) parts.push(...body(command));
  else
    for (const leaf of leaves)
      parts.push(`### ${pathOf(leaf)}\n`, `${capitalised(leaf.description())}.\n`, ...body(leaf));
  return parts.join('\n');
}

function body(command: Command): string[] {
  const parts = [
    fenced([usage(command), ...examplesOf(command).flatMap((line, i) => (i === 0 ? ['', line] : [line]))]),
  ];
  const options = command.options.filter(({ hidden }) => !hidden);
  if (options.length > 0) {
    parts.push(
      `| option | meaning |\n|---|---|\n${options.map(({ flags, description }) => `| \`${flags}\` | ${description} |\n`).join('')}`,
    );
  }
  return parts;
}

const fenced = (lines: readonly string[]): string => `\`\`\`\n${lines.join('\n')}\n\`\`\`\n`;

function usage(command: Command): string {
  const own = usageOf(command);
  if (own !== undefined) return own;
  const parameters = command.registeredArguments.map((argument) => {
    const name = `${argument.name().toUpperCase()}${argument.variadic ? '...' : ''}`;
    return argument.required ? name : `[${name}]`;
  });
  return [pathOf(command), ...(command.options.length > 0 ? ['[OPTIONS]'] : []), ...parameters].join(' ');
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

function leavesOf(command: Command): readonly Command[] {
  const children = command.commands.filter((child) => child.name() !== 'help');
  return children.length === 0 ? [command] : children.flatMap(leavesOf);
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
