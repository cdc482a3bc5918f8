import { fileURLToPath } from 'node:url';
import { type LabHost, PROGRAM } from '../../test/lab/host.js';
import { poolIdOf } from '../bench-host.js';
import { SHARED, type SizeName } from './cluster-layout.js';

export const ETCD = 'http://127.0.0.1:2379';
const program = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
/** Of one program, in seconds: what hangs is a line that failed, and not a bench without end. */
const LIMIT_S = 300;

/** The host whose agent is measured, and the programs that play all others. */
export class ScaleHost {
  readonly #host: LabHost;
  readonly #size: SizeName;

  constructor(host: LabHost, size: SizeName) {
    this.#host = host;
    this.#size = size;
  }

  fill(): Promise<{ readonly records: number; readonly bytes: number }> {
    return this.#json('./fill.js', ETCD, this.#size);
  }

  /** See remote-change.ts. */
  change<T>(...words: readonly string[]): Promise<T> {
    return this.#json('./remote-change.js', this.#size, ...words);
  }

  /** Ms of CreateEndpoint and Join, of endpoints on the network that every node has. */
  async calls(rounds: number): Promise<readonly number[]> {
    const network = await this.#host.docker('network', 'inspect', '-f', '{{.Id}}', SHARED.name);
    const pool = await poolIdOf(this.#host, SHARED.subnet);
    const target = `corduroy=/run/docker/plugins/corduroy.sock,${network},${pool}`;
    return (await this.#json<{ corduroy: number[] }>('../load.js', 'calls', `${rounds}`, target)).corduroy;
  }

  /** Ms that the command takes; what it prints is left. */
  async timed(...command: readonly string[]): Promise<number> {
    const begun = performance.now();
    await this.#limited('sh', '-c', '"$@" >/run/lab/out', 'sh', ...command);
    return performance.now() - begun;
  }

  /** As `timed`, of our command line. */
  cord(...words: readonly string[]): Promise<number> {
    return this.timed(process.execPath, PROGRAM, ...words);
  }

  async #json<T>(file: string, ...words: readonly string[]): Promise<T> {
    return JSON.parse(await this.#limited(process.execPath, program(file), ...words)) as T;
  }

  #limited(...command: readonly string[]): Promise<string> {
    return this.#host.run('timeout', `${LIMIT_S}`, ...command);
  }
}
