import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { CONFIG_FILE_VARIABLE, DEFAULT_ADMIN_SOCKET, DEFAULT_CONFIG_FILE } from '../config/locations.js';
import { AdminClient } from './admin-client.js';
import { EXIT } from './failure.js';
import { buildProgram, topWords } from './program.js';
import { report } from './report.js';
import { rewriteArguments } from './rewrite-arguments.js';
import { type OutputFormat, type Streams, Terminal } from './terminal.js';

/** A shell that waits for candidates waits with its user. */
const COMPLETION_TIMEOUT_MS = 500;

/** Runs one command line. @returns the exit code: 0 done, 1 failed, 2 wrong usage */
export async function runCommandLine(words: readonly string[], streams: Streams): Promise<number> {
  let program: Command | undefined;
  let client: AdminClient | undefined;
  const terminal = new Terminal(streams, () => {
    const { output, socket } = program?.opts<{ output: OutputFormat; socket?: string }>() ?? { output: 'table' };
    client ??= new AdminClient(socket ?? configuredSocket);
    return { format: output, client };
  });
  let configuredSocket = DEFAULT_ADMIN_SOCKET;
  try {
    configuredSocket = await socketFromSettings(streams.environment);
    if (words[0] === '__complete') return await complete(words.slice(1), terminal, configuredSocket);
    program = await buildProgram(
      terminal,
      topWords().filter((word) => words.includes(word)),
    );
    await program.parseAsync([...rewriteArguments(words)], { from: 'user' });
    return terminal.exitCode;
  } catch (error) {
    return report(error, terminal);
  }
}

/** The daemon's own setting, read only where there is one: most commands load no YAML. */
async function socketFromSettings(environment: Streams['environment']): Promise<string> {
  const fromEnvironment = environment['CORDUROY_ADMIN_SOCKET'];
  if (fromEnvironment !== undefined) return fromEnvironment;
  const file = environment[CONFIG_FILE_VARIABLE] ?? DEFAULT_CONFIG_FILE;
  if (!existsSync(file)) return DEFAULT_ADMIN_SOCKET;
  const { readFileSync } = await import('node:fs');
  const { readConfigText } = await import('../config/config-file.js');
  try {
    return readConfigText(file, readFileSync(file, 'utf8')).get('adminSocket') ?? DEFAULT_ADMIN_SOCKET;
  } catch {
    // What is wrong with the file is for the daemon to say; a user without rights to it may still know the socket.
    return DEFAULT_ADMIN_SOCKET;
  }
}

async function complete(words: readonly string[], terminal: Terminal, socket: string): Promise<number> {
  const { candidates } = await import('./candidates.js');
  const client = new AdminClient(socket, COMPLETION_TIMEOUT_MS);
  const found = await candidates(await buildProgram(terminal), words, (path) => client.get<object[]>(path));
  terminal.text(found.map((candidate) => `${candidate}\n`).join(''));
  return EXIT.done;
}
