import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { removeCgroups } from './cgroups.js';
import { Container } from './container.js';
import { type NamespaceProcess, startNamespaces } from './namespace-process.js';
import { Service, spawnLogged } from './service.js';
import { addTestImage } from './test-image.js';

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export interface DockerdOptions {
  /** What goes into daemon.json, such as `{ 'live-restore': true }`. Default: nothing. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

export interface CorduroyOptions {
  /** Its main.js. Default: of this build. */
  readonly program?: string;
  readonly arguments?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

const INIT = fileURLToPath(new URL('../../../test/lab/host-init.sh', import.meta.url));
/** Of this build: its main.js. */
export const PROGRAM = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/**
 * Longest start of an engine with nothing to restore, and of our daemon, in ms. 0.5 and 1 s are usual, most of it processor
 * time: nine hosts that start at once on two processors take 15 s.
 */
const DOCKERD_START_MS = 45_000;
const CORDUROY_START_MS = 45_000;
/** An engine whose plugin is away waits 15 s for each network and dead endpoint of it. */
const DOCKERD_RESTART_MS = 120_000;

let hostsMade = 0;

/**
 * A machine made of namespaces, with an engine and a corduroy daemon of its own at their default paths. Nothing it does
 * reaches the machine's own engine, rules, routes or files; what it holds on disk and in control groups goes at `down`.
 */
export class LabHost {
  readonly name: string;
  readonly dir: string;
  readonly #cgroup: string;
  #init: NamespaceProcess;
  #dockerd: Service | undefined;
  #corduroy: Service | undefined;

  private constructor(name: string, dir: string, cgroup: string, init: NamespaceProcess) {
    this.name = name;
    this.dir = dir;
    this.#cgroup = cgroup;
    this.#init = init;
  }

  /** A host without engine, link or route. */
  static async up(name: string): Promise<LabHost> {
    const dir = await mkdtemp(join(tmpdir(), 'corduroy-lab-'));
    const cgroup = `corduroy-lab-${process.pid}-${++hostsMade}`;
    return new LabHost(name, dir, cgroup, await startInit(name, dir));
  }

  /** Of its init; for `nsenter -t`. Another one after a reboot. */
  get pid(): number {
    return this.#init.pid;
  }

  /** Every process is gone at once, with all that was in the kernel. Its disk stays. See Lab.crash. */
  async crash(): Promise<void> {
    await this.#init.end();
    await removeCgroups(this.#cgroup);
  }

  /** After a crash: a kernel without links or rules, the same disk, and nothing started. See Lab.reboot. */
  async boot(): Promise<void> {
    this.#init = await startInit(this.name, this.dir);
  }

  async down(): Promise<void> {
    await this.crash();
    await rm(this.dir, { recursive: true, force: true });
  }

  /** Where a path of the host is for a process of this machine: for sockets and files of the host. */
  path(inside: string): string {
    return `/proc/${this.pid}/root${inside}`;
  }

  /** The command that runs `command` on the host. */
  command(command: readonly string[]): readonly [string, ...string[]] {
    return ['nsenter', '-t', `${this.pid}`, '-m', '-u', '-i', '-n', '-p', '--', ...command];
  }

  /** Runs a command on the host; a failure is a value. */
  async try(command: readonly string[], input?: string): Promise<Output> {
    const [file, ...rest] = this.command(command);
    const result = await execa(file, rest, {
      reject: false,
      ...(input === undefined ? { stdin: 'ignore' } : { input }),
      extendEnv: false,
      env: { PATH: process.env['PATH'], HOME: '/run/lab' },
    });
    return { stdout: result.stdout, stderr: result.stderr, exitCode: result.exitCode ?? -1 };
  }

  /** Runs a command on the host and gives its standard output. @throws Error with all it said, if it fails */
  async run(...command: readonly string[]): Promise<string> {
    const { stdout, stderr, exitCode } = await this.try(command);
    if (exitCode === 0) return stdout;
    throw new Error(`on ${this.name}: ${command.join(' ')}: exit ${exitCode}\n${stderr || stdout}`);
  }

  docker(...words: readonly string[]): Promise<string> {
    return this.run('docker', ...words);
  }

  tryDocker(...words: readonly string[]): Promise<Output> {
    return this.try(['docker', ...words]);
  }

  /** The corduroy command line on the host. */
  cord(...words: readonly string[]): Promise<string> {
    return this.run(process.execPath, PROGRAM, ...words);
  }

  tryCord(...words: readonly string[]): Promise<Output> {
    return this.try([process.execPath, PROGRAM, ...words]);
  }

  /** A running container of the host. */
  async container(name: string): Promise<Container> {
    return new Container(this, name, Number(await this.docker('inspect', '-f', '{{.State.Pid}}', name)));
  }

  /** Starts the engine and waits until its API answers. The first time it also gets the test image. */
  async startDockerd({ settings = {} }: DockerdOptions = {}): Promise<void> {
    const first = this.#dockerd === undefined;
    const config = JSON.stringify(settings);
    await this.run('sh', '-c', 'printf %s "$0" >/etc/docker/daemon.json', config);
    // The cgroup parent tells our containers' groups from everybody else's.
    const flags = ['--exec-opt', 'native.cgroupdriver=cgroupfs', '--cgroup-parent', `/${this.#cgroup}`];
    this.#dockerd = this.start('dockerd', ['dockerd', ...flags]);
    const answers = async () => (await this.tryDocker('version', '-f', '{{.Server.Version}}')).exitCode === 0;
    await this.#dockerd.waitUntil(answers, first ? DOCKERD_START_MS : DOCKERD_RESTART_MS);
    if (first) await addTestImage(this);
  }

  /** SIGTERM: the engine ends in good order. SIGKILL: it and its containerd are gone at once; containers live on. */
  async stopDockerd(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await this.#dockerd?.stop(signal);
  }

  dockerdLog(lines?: number): string {
    return this.#dockerd?.logTail(lines) ?? '';
  }

  /** Starts `corduroy daemon` and waits until it has said `ready`: its sockets answer, and the kernel is as it should be. */
  async startCorduroy(options: CorduroyOptions = {}): Promise<void> {
    const command = [process.execPath, options.program ?? PROGRAM, 'daemon', ...(options.arguments ?? [])];
    const logged = this.#corduroy?.log().length ?? 0;
    const daemon = this.start('corduroy', command, options.environment ?? {});
    this.#corduroy = daemon;
    await daemon.waitUntil(async () => daemon.log().slice(logged).includes('"msg":"ready"'), CORDUROY_START_MS);
  }

  async stopCorduroy(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await this.#corduroy?.stop(signal);
  }

  corduroyLog(lines?: number): string {
    return this.#corduroy?.logTail(lines) ?? '';
  }

  /** Starts a helper program that says `ready`; it ends with the host, or when its standard input closes. */
  async startBeside(command: readonly string[]): Promise<void> {
    const [file, ...rest] = this.command(command);
    const child = spawn(file, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
    const said = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
    if (child.exitCode !== null) throw new Error(`${command.join(' ')} ended at once: ${said}`);
  }

  /** Starts something that runs until stopped. A signal goes to its pid as the host counts, so to nobody else's process. */
  start(name: string, command: readonly string[], environment: Readonly<Record<string, string>> = {}): Service {
    const pidFile = `/run/lab/${name}.pid`;
    const settings = Object.entries({ PATH: process.env['PATH'] ?? '', HOME: '/run/lab', ...environment });
    const wrapped = ['env', '-i', ...settings.map(([key, value]) => `${key}=${value}`)];
    const announced = ['sh', '-c', `echo $$ >${pidFile}; exec "$@"`, name, ...command];
    const child = spawnLogged(this.command([...wrapped, ...announced]), join(this.dir, `${name}.log`));
    return new Service(child, join(this.dir, `${name}.log`), async (signal) => {
      const pid = (await readFile(this.path(pidFile), 'utf8')).trim();
      await this.run('kill', `-${signal.slice('SIG'.length)}`, pid);
    });
  }
}

const startInit = (name: string, dir: string): Promise<NamespaceProcess> =>
  startNamespaces(['--net', '--mount', '--uts', '--ipc', '--pid'], ['bash', INIT, name, dir]);
