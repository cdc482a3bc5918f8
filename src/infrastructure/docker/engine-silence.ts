import { describeError } from '../../model/errors.js';

/** Why an engine did not tell what it was asked. */
export interface EngineSilence {
  /** `refuses` does not pass by itself: somebody has to grant us what we ask. */
  readonly kind: 'away' | 'refuses';
  readonly problem: string;
  readonly remedy: string;
}

/** What is wrong with the engine behind `socketPath`, from what the attempt to ask it has thrown. */
export function engineSilence(error: unknown, socketPath: string): EngineSilence {
  const { code, statusCode, name } = error as { code?: unknown; statusCode?: unknown; name?: unknown };
  if (code === 'ENOENT') return away(`there is no ${socketPath}`, START_IT);
  if (code === 'ECONNREFUSED') return away(`nobody listens on ${socketPath}`, START_IT);
  if (code === 'EACCES' || code === 'EPERM') {
    return {
      kind: 'refuses',
      problem: `this daemon may not use ${socketPath} (${code})`,
      remedy: 'run the daemon as root with CAP_DAC_OVERRIDE, or make root the owner of the socket',
    };
  }
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return {
      kind: 'refuses',
      problem: `what listens on ${socketPath} refuses what the daemon asks: ${wordsOf(error)}`,
      remedy:
        'allow GET /version, /networks, /containers and /events in the authorization plugin or proxy that stands before Docker, or set dockerSocket to a socket of its own',
    };
  }
  if (name === 'AbortError' || name === 'TimeoutError') return away(`no answer on ${socketPath} in time`, LOOK);
  return away(`no answer on ${socketPath} that can be used: ${wordsOf(error)}`, LOOK);
}

const START_IT = 'start Docker (systemctl start docker), or set dockerSocket to its socket';
const LOOK = "if that lasts, see Docker's own log";
const away = (problem: string, remedy: string): EngineSilence => ({ kind: 'away', problem, remedy });

/** On one line, without the full stop. */
const wordsOf = (error: unknown): string => describeError(error).replace(/\s+/g, ' ').trim().replace(/\.$/, '');
