import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LabHost } from '../lab/host.js';

/** One call of Docker's, as our daemon logged it. */
export interface PluginCall {
  readonly method: string;
  readonly ms: number;
  /** `ok`, or the name of the error. */
  readonly outcome: string;
  /** The sentence that Docker got. */
  readonly error?: string;
}

/** Calls that a host's daemon has answered since `mark` was made. */
export function pluginCalls(host: LabHost, mark = 0): readonly PluginCall[] {
  return log(host)
    .slice(mark)
    .split('\n')
    .filter((line) => line.includes('"msg":"request"'))
    .map((line) => JSON.parse(line) as PluginCall);
}

/** This moment of the daemon's log. */
export const logMark = (host: LabHost): number => log(host).length;

const log = (host: LabHost): string => readFileSync(join(host.dir, 'corduroy.log'), 'utf8');
