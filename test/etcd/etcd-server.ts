import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../contracts/eventually.js';

/** Why etcd cannot be started here, or undefined: for a suite to print when it is skipped. */
export const etcdMissing: string | undefined =
  spawnSync('etcd', ['--version']).error === undefined && spawnSync('etcdctl', ['version']).error === undefined
    ? undefined
    : 'there is no etcd and etcdctl on the PATH: apt-get install etcd-server etcd-client';

const run = promisify(execFile);

/** A real etcd of one member on free loopback ports, with its data in a directory of its own. */
export class EtcdServer {
  readonly endpoint: string;
  readonly #directory: string;
  readonly #arguments: readonly string[];
  #etcdctlArguments: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(directory: string, options: EtcdServerOptions, ports: readonly number[]) {
    const scheme = options.tls === undefined ? 'http' : 'https';
    this.#directory = directory;
    this.endpoint = `${scheme}://127.0.0.1:${ports[0]}`;
    const peer = `http://127.0.0.1:${ports[1]}`;
    this.#arguments = [
      ['--data-dir', join(directory, 'data')],
      ['--listen-client-urls', this.endpoint, '--advertise-client-urls', this.endpoint],
      ['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `default=${peer}`],
      ['--unsafe-no-fsync', '--logger', 'zap', '--log-level', 'error'],
      options.tokenSeconds === undefined ? [] : ['--auth-token-ttl', `${options.tokenSeconds}`],
      options.tls === undefined ? [] : ['--cert-file', options.tls.cert, '--key-file', options.tls.key],
      options.tls === undefined ? [] : ['--trusted-ca-file', options.tls.ca, '--client-cert-auth'],
    ].flat();
    this.#etcdctlArguments =
      options.tls === undefined
        ? []
        : ['--cacert', options.tls.ca, '--cert', options.tls.clientCert, '--key', options.tls.clientKey];
  }

  static async start(options: EtcdServerOptions = {}): Promise<EtcdServer> {
    const directory = await mkdtemp(join(tmpdir(), 'corduroy-etcd-'));
    const server = new EtcdServer(directory, options, await freePorts(2));
    await server.start();
    return server;
  }

  /** Also after `stop`: with the same ports and data. Resolves when it answers. */
  async start(): Promise<void> {
    const child = spawn('etcd', this.#arguments, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = child;
    let complaints = '';
    child.stderr.on('data', (text: Buffer) => {
      complaints += text.toString();
    });
    await eventually(async () => {
      if (child.exitCode !== null) throw new Error(`etcd ended with ${child.exitCode}: ${complaints}`);
      await this.etcdctl('endpoint', 'health');
    }, 15_000);
  }

  /** Whatever a test did to it: thawed, and started if it was stopped. */
  async revive(): Promise<void> {
    this.thaw();
    if (this.#process === undefined) await this.start();
  }

  /** As `kill -9` does. Its data stays. */
  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  /** Stops it, and removes its data. */
  async destroy(): Promise<void> {
    await this.stop();
    await rm(this.#directory, { recursive: true });
  }

  /** The process stands still: connections stay open and nothing answers. */
  /** Resolves when each of its threads stands still: the signal alone leaves a busy one time for another answer. */
  async freeze(): Promise<void> {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error('etcd does not run');
    this.#process?.kill('SIGSTOP');
    while (!(await threadsStandStill(pid))) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  /** Stops it and forgets everything that was stored. */
  async wipe(): Promise<void> {
    await this.stop();
    await rm(join(this.#directory, 'data'), { recursive: true });
  }

  /** Arguments that etcdctl needs from now on, such as `--user`. */
  identifyBy(...etcdctlArguments: string[]): void {
    this.#etcdctlArguments = etcdctlArguments;
  }

  async etcdctl(...command: string[]): Promise<string> {
    const options = { env: { ...process.env, ETCDCTL_API: '3' } };
    const { stdout } = await run(
      'etcdctl',
      ['--endpoints', this.endpoint, '--command-timeout', '2s', ...this.#etcdctlArguments, ...command],
      options,
    );
    return stdout;
  }

  /** Writes past the store's revision, then forgets all history before the last write. */
  async compact(): Promise<void> {
    await this.etcdctl('put', '/compaction', 'a');
    const answer = JSON.parse(await this.etcdctl('get', '/compaction', '-w', 'json')) as {
      header: { revision: number };
    };
    await this.etcdctl('compaction', String(answer.header.revision));
  }
}

export interface EtcdServerOptions {
  /** After how long without use a user's token is forgotten. */
  readonly tokenSeconds?: number;
  /** PEM files. With them it speaks TLS and demands a client certificate. */
  readonly tls?: {
    readonly ca: string;
    readonly cert: string;
    readonly key: string;
    readonly clientCert: string;
    readonly clientKey: string;
  };
}

/** Ports that nobody listens on now; all are held until all are found, so that they differ. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Of a process that was sent SIGSTOP: whether it has taken effect. */
export async function threadsStandStill(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`);
  const states = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8')));
  return states.every((stat) => /\) T /.test(stat));
}
