import { readFileSync, writeFileSync } from 'node:fs';
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
