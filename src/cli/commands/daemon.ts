import { type Command, Option } from 'commander';
import type { LoadedConfig } from '../../config/corduroy-config.js';
import {
  CONFIG_KEYS,
  CONFIG_NAMES,
  type ConfigKey,
  type ConfigName,
  environmentOf,
  flagOf,
} from '../../config/keys.js';
import { CONFIG_FILE_VARIABLE, DEFAULT_CONFIG_FILE } from '../../config/locations.js';
import { InvalidRequestError, splitRemedy } from '../../model/errors.js';
import { CommandFailure, usageError } from '../failure.js';
import { examples } from '../help-text.js';
import { report } from '../report.js';
import type { Terminal } from '../terminal.js';

/**
 * How long Docker is told why the daemon does not run, before systemd starts it again. The unit's start limit counts on
 * it: as often as this lasts, it is never reached.
 */
const ANSWERING_MS = 30_000;

/** `corduroy daemon`: its flags are the table of settings. */
export function defineDaemon(daemon: Command, terminal: Terminal): void {
  for (const name of CONFIG_NAMES) daemon.addOption(optionOf(name));
  daemon
    .option(
      '--config <file>',
      `configuration file (env ${CONFIG_FILE_VARIABLE}; default ${DEFAULT_CONFIG_FILE}, if it is there)`,
    )
    .option('--print-config', 'print the settings in force, with where each came from, and end')
    .action(async (options: Record<string, string | boolean>) => {
      if (options['printConfig'] === true) {
        const { printConfig } = await import('../../config/config-text.js');
        return terminal.text(printConfig(await load(options, terminal)));
      }
      const { giveSignsOfLife } = await import('../../infrastructure/linux/service-watchdog.js');
      giveSignsOfLife(terminal.streams.environment, (sentence) => terminal.streams.err(`corduroy: ${sentence}\n`));
      await run(options, terminal).catch((error: unknown) => tellDocker(error, terminal));
    });
  examples(daemon, [
    'corduroy daemon',
    'corduroy daemon --log-level debug --metrics-listen 127.0.0.1:9465',
    'corduroy daemon --datastore etcd --etcd-endpoints https://10.0.0.1:2379 --print-config',
  ]);
}

async function run(options: Record<string, string | boolean>, terminal: Terminal): Promise<void> {
  const loaded = await load(options, terminal);
  await refuseBlockers(loaded);
  // Loaded only here: every other command starts without the composition root.
  const { runDaemon } = await import('../../main.js');
  await runDaemon(loaded);
}

/** Docker may be waiting in a socket that systemd holds for a daemon that could not start: it is told why. */
async function tellDocker(error: unknown, terminal: Terminal): Promise<void> {
  const { inheritedSocket, isTaken } = await import('../../server/inherited-socket.js');
  const held = inheritedSocket(process.env, process.pid);
  if (held === undefined || isTaken()) throw error;
  terminal.exitCode = report(error, terminal);
  const { answerWithFailure } = await import('../../server/answer-with-failure.js');
  const text = error instanceof Error ? error.message : String(error);
  const remedy = error instanceof CommandFailure ? `; ${error.remedy}` : '';
  const over = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ANSWERING_MS);
    for (const signal of ['SIGTERM', 'SIGINT']) {
      process.once(signal, () => {
        clearTimeout(timer);
        resolve();
      });
    }
  });
  await answerWithFailure(held, `the corduroy daemon could not start: ${text}${remedy}`, over);
}

function optionOf(name: ConfigName): Option {
  const { type, description, default: fallback, defaultShown }: ConfigKey<unknown> = CONFIG_KEYS[name];
  const shown = defaultShown ?? fallback;
  const more = [type.label, ...(shown === undefined ? [] : [`default ${shown}`]), `env ${environmentOf(name)}`];
  // A flag of two values may stand alone: --auto-pools is --auto-pools true.
  const value = type.label === 'true, false' ? '[value]' : '<value>';
  return new Option(`${flagOf(name)} ${value}`, `${description} (${more.join('; ')})`);
}

async function load(options: Record<string, string | boolean>, terminal: Terminal): Promise<LoadedConfig> {
  const flags = new Map<ConfigName, string>();
  for (const name of CONFIG_NAMES) {
    const value = options[new Option(flagOf(name)).attributeName()];
    if (value !== undefined) flags.set(name, String(value));
  }
  const { loadConfig } = await import('../../config/load-config.js');
  try {
    const file = options['config'];
    const configFile = typeof file === 'string' ? file : undefined;
    return loadConfig({ flags, environment: terminal.streams.environment, configFile });
  } catch (error) {
    if (!(error instanceof InvalidRequestError)) throw error;
    const { problem, remedy } = splitRemedy(error.message);
    throw usageError(problem, remedy ?? 'correct it, and see "corduroy daemon --help" for every setting');
  }
}

/** The daemon does not start where it cannot work; what only hinders is told in its log. */
async function refuseBlockers({ config }: LoadedConfig): Promise<void> {
  const { checkThisHost } = await import('../check-this-host.js');
  const { createLogger } = await import('../../infrastructure/json-logger.js');
  const { inheritedSocket } = await import('../../server/inherited-socket.js');
  const socketIsHeld = inheritedSocket(process.env, process.pid) !== undefined;
  const findings = await checkThisHost(config, { starting: true, socketIsHeld });
  const blockers = findings.filter(({ level }) => level === 'blocker');
  if (blockers.length > 0) {
    throw new CommandFailure(
      `the daemon cannot work here: ${blockers.map(({ subject, finding }) => `${subject}: ${finding}`).join('; ')}`,
      blockers.map(({ fix }) => fix).join('; '),
    );
  }
  const log = await createLogger({ level: config.logLevel, format: config.logFormat });
  for (const { level, subject, finding, fix } of findings) {
    if (level === 'warning') log.warn({ subject, fix }, `${subject}: ${finding}`);
  }
}
