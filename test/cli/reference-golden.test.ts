import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import type { Command } from 'commander';
import { examplesOf } from '../../src/cli/help-text.js';
import { buildProgram } from '../../src/cli/program.js';
import { commandReference } from '../../src/cli/reference.js';
import { rewriteArguments } from '../../src/cli/rewrite-arguments.js';
import { type Streams, Terminal } from '../../src/cli/terminal.js';
import { configTable } from '../../src/config/config-text.js';

// build/test/cli/ -> the project
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** `make golden` sets it: then documents are written instead of compared. */
const WRITE = process.env['CORDUROY_GOLDEN'] === 'write';

const streams: Streams = {
  out: () => {},
  err: () => {},
  readInput: async () => '',
  colour: false,
  environment: {},
};
const program = await buildProgram(
  new Terminal(streams, () => {
    throw new Error('no command runs here');
  }),
);

function agree(file: string, now: (text: string) => string): void {
  const path = join(ROOT, file);
  const text = readFileSync(path, 'utf8');
  if (WRITE) writeFileSync(path, now(text));
  else expect(text).toBe(now(text));
}

test('docs/cli.md is what the commands say of themselves (make golden writes it)', () => {
  agree('docs/cli.md', () => commandReference(program));
});

test("the README's table of settings is the table of settings (make golden writes it)", () => {
  const marks = /(<!-- settings -->\n)[\s\S]*?(<!-- end of settings -->)/;
  expect(readFileSync(join(ROOT, 'README.md'), 'utf8')).toMatch(marks);
  agree('README.md', (text) => text.replace(marks, (_, open, close) => `${open}${configTable()}\n${close}`));
});

const leaves = (command: Command): Command[] =>
  command.commands.length === 0 ? [command] : command.commands.filter((c) => c.name() !== 'help').flatMap(leaves);
const path = (command: Command): string[] => (command.parent === null ? [] : [...path(command.parent), command.name()]);

test.each(leaves(program).map((command) => [path(command).join(' '), command] as const))(
  '%s has examples that lead to it',
  (_, command) => {
    expect(examplesOf(command).length).toBeGreaterThan(0);
    for (const example of examplesOf(command)) {
      const words = example
        .replace(/^source <\(|\)$|[<>].*$/g, '')
        .trim()
        .split(' ');
      expect(words[0]).toBe('corduroy');
      expect(rewriteArguments(words.slice(1)).slice(0, path(command).length)).toEqual(path(command));
    }
  },
);

/** `"corduroy pool add ${cidr}"` in a message of ours: what a person is told to type. */
function* commandsInMessages(folder: string): Generator<string> {
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const name = `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* commandsInMessages(name);
    else if (name.endsWith('.ts')) {
      const text = readFileSync(join(ROOT, name), 'utf8');
      for (const [, words = ''] of text.matchAll(/"corduroy ([^"]+)"/g)) {
        // biome-ignore lint/suspicious/noTemplateCurlyInString: as it stands in the source that is read
        if (words !== '${kind} list') yield words.replace(/\$\{[^}]*\}/g, 'NAME');
      }
    }
  }
}

test('every command that a message names exists, with its options', () => {
  const named = ['src', 'driver', 'ipam-driver', 'policy', 'routing'].flatMap((folder) => [
    ...commandsInMessages(folder),
  ]);
  const wrong = named.filter((text) => {
    const words = rewriteArguments(text.split(' '));
    let command = program;
    for (const word of words) command = command.commands.find((child) => child.name() === word) ?? command;
    const options = [...command.options, ...program.options].map(({ long }) => long);
    const known = words.filter((w) => w.startsWith('--')).every((w) => w === '--help' || options.includes(w));
    return command === program || !known || (command.commands.length > 0 && !/NAME|--help/.test(text));
  });
  expect(wrong).toEqual([]);
  expect(named.length).toBeGreaterThan(10);
});
