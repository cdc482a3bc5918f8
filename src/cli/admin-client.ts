import { request } from 'node:http';
import { CommandFailure, DaemonNotRunning } from './failure.js';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What every change answers. */
export interface Change {
  readonly message: string;
  readonly inForce: boolean;
  readonly problem?: string;
}

/** Longer than any deadline of the daemon's, so that its own words arrive. */
const TIMEOUT_MS = 30_000;

/** The daemon's admin API over its unix socket. */
export class AdminClient {
  readonly #socketPath: string;
  readonly #timeoutMs: number;

  constructor(socketPath: string, timeoutMs = TIMEOUT_MS) {
    this.#socketPath = socketPath;
    this.#timeoutMs = timeoutMs;
  }

  get<T>(path: string): Promise<T> {
    return this.call('GET', path) as Promise<T>;
  }

  /** @throws CommandFailure with the daemon's own reason and remedy, or with how to reach it */
  async call(method: Method, path: string, body?: object): Promise<unknown> {
    const { status, text } = await this.#send(method, path, body === undefined ? undefined : JSON.stringify(body));
    const reply = parseJson(text);
    if (status >= 200 && status < 300) return reply ?? text;
    const { error, remedy } = (reply ?? {}) as { error?: string; remedy?: string };
    throw new CommandFailure(error ?? `the daemon answered ${status}`, remedy ?? "look into the daemon's log");
  }

  #send(method: Method, path: string, body: string | undefined): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      const options = { socketPath: this.#socketPath, method, path, headers, timeout: this.#timeoutMs };
      const asked = request(options, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', (error) => reject(this.#unreachable(error)));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }),
        );
      });
      asked.on('timeout', () => asked.destroy(new Error(`no answer within ${this.#timeoutMs} ms`)));
      asked.on('error', (error) => reject(this.#unreachable(error)));
      asked.end(body);
    });
  }

  #unreachable(error: NodeJS.ErrnoException): CommandFailure {
    const where = this.#socketPath;
    switch (error.code) {
      case 'ENOENT':
      case 'ECONNREFUSED':
        return new DaemonNotRunning(
          `the daemon is not running: nothing answers on ${where}`,
          'start it with "corduroy daemon" as root, or name its socket with --socket',
        );
      case 'EACCES':
        return new CommandFailure(`no permission to use ${where}`, 'run this command as root, with sudo');
      default:
        return new CommandFailure(
          `the daemon did not answer on ${where}: ${error.message}`,
          'see its log; a change may or may not have been made',
        );
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
