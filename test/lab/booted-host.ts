import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { Output } from './host.js';
import { Outside } from './outside.js';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));
const INIT = join(PROJECT, 'test/lab/boot-init.sh');
const NAMESPACES = ['--mount', '--uts', '--ipc', '--pid', '--net', '--cgroup', '--kill-child=KILL', '--fork'];
/** Of a boot, in ms: the longest that the tests wait for, one in which Docker looks in vain for us. */
const BOOT_MS = 300_000;
/** Installed with the root for other tests, and not to run here. */
const NOT_HERE = ['bird', 'etcd', 'docker-registry', 'systemd-networkd', 'systemd-resolved'];

/**
 * A Debian with systemd, Docker and what is installed later, that boots and reboots with the machine's kernel. Its disk
 * stays from boot to boot and goes at `down`.
 */
export class BootedHost {
  readonly outside: Outside;
  readonly #dir: string;
  readonly #root: string;
  #boot: ChildProcess | undefined;
  #pid = 0;

  private constructor(outside: Outside, dir: string, root: string) {
    this.outside = outside;
    this.#dir = dir;
    this.#root = root;
  }

  /** One that is not booted yet. @param suite a release of Debian whose systemd boots here */
  static async make(suite = 'trixie'): Promise<BootedHost> {
    const root = join(PROJECT, 'build/engines', suite);
    await execa(join(PROJECT, 'test/lab/engine-root.sh'), [suite, root], { stdio: ['ignore', 'ignore', 'inherit'] });
    const dir = await mkdtemp(join(tmpdir(), 'corduroy-boot-'));
    const units = join(dir, 'disk/upper/etc/systemd/system');
    await mkdir(units, { recursive: true });
    for (const unit of NOT_HERE) await execa('ln', ['-s', '/dev/null', join(units, `${unit}.service`)]);
    return new BootedHost(await Outside.up(), dir, root);
  }

  /** Of its systemd. */
  get pid(): number {
    return this.#pid;
  }

  /** A path of its disk, for a process of this machine, also before the first boot. Of what it has changed. */
  disk(path: string): string {
    return join(this.#dir, 'disk/upper', path);
  }

  /** Boots it, and gives the seconds until systemd says that it has started all it had to. */
  async boot(): Promise<number> {
    const begun = performance.now();
    await writeFile(join(this.#dir, 'console'), '', { flag: 'a' });
    const log = openSync(join(this.#dir, 'console'), 'a');
    // It ends with this process, however that ends.
    const boot = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', 'unshare', ...NAMESPACES, INIT, 'debian', this.#root, this.#dir],
      {
        stdio: ['ignore', log, log],
      },
    );
    closeSync(log);
    this.#boot = boot;
    this.#pid = await this.#firstProcess(boot);
    await this.outside.connect(this, 0);
    const running = async () => (await this.try(['systemctl', 'is-system-running'])).stdout.trim();
    await this.until(async () => /^(running|degraded)$/.test(await running()), BOOT_MS);
    return (performance.now() - begun) / 1000;
  }

  async #firstProcess(boot: ChildProcess): Promise<number> {
    for (;;) {
      if (boot.exitCode !== null) throw new Error(`it does not boot:\n${this.console()}`);
      const children = await readFile(`/proc/${boot.pid}/task/${boot.pid}/children`, 'utf8').catch(() => '');
      const pid = Number(children.trim().split(' ')[0]);
      // Namespaces of its own, and systemd in them.
      const what = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
      if (what === 'systemd\n') return pid;
      await sleep(20);
    }
  }

  /** `systemctl reboot`: every unit is stopped in its order, and the system boots again. @returns seconds of the boot */
  async reboot(): Promise<number> {
    const boot = this.#boot;
    if (boot === undefined) throw new Error('it is not booted');
    const ended = once(boot, 'exit');
    await this.try(['systemctl', 'reboot']);
    await ended;
    await this.outside.try('ip', 'link', 'del', 'port1');
    return this.boot();
  }

  /** The power fails: everything is gone at once but the disk. */
  async cutPower(): Promise<void> {
    const boot = this.#boot;
    this.#boot = undefined;
    if (boot === undefined || boot.exitCode !== null || boot.signalCode !== null) return;
    const ended = once(boot, 'exit');
    process.kill(this.#pid, 'SIGKILL');
    await ended;
    await this.outside.try('ip', 'link', 'del', 'port1');
  }

  async down(): Promise<void> {
    await this.cutPower();
    await this.outside.down();
    await rm(this.#dir, { recursive: true, force: true });
  }

  /** What was printed at its console since the first boot. */
  console(): string {
    return readFileSync(join(this.#dir, 'console'), 'utf8');
  }

  command(command: readonly string[]): readonly [string, ...string[]] {
    return ['nsenter', '-t', `${this.#pid}`, '-m', '-u', '-i', '-n', '-p', '-C', '--', ...command];
  }

  async try(command: readonly string[]): Promise<Output> {
    const [file, ...rest] = this.command(command);
    const { stdout, stderr, exitCode } = await execa(file, rest, {
      reject: false,
      stdin: 'ignore',
      extendEnv: false,
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LC_ALL: 'C.UTF-8' },
    });
    return { stdout, stderr, exitCode: exitCode ?? -1 };
  }

  async run(...command: readonly string[]): Promise<string> {
    const { stdout, stderr, exitCode } = await this.try(command);
    if (exitCode === 0) return stdout;
    throw new Error(`${command.join(' ')}: exit ${exitCode}\n${stderr || stdout}`);
  }

  /** A line of shell, as a user types it at root's prompt. */
  say(line: string): Promise<string> {
    return this.run('bash', '-ec', line);
  }

  /** @throws Error with the end of the console */
  async until(isSo: () => Promise<boolean>, limitMs = 60_000): Promise<void> {
    for (const deadline = performance.now() + limitMs; !(await isSo()); await sleep(100)) {
      if (performance.now() < deadline) continue;
      const journal = await this.try(['journalctl', '--no-pager', '-n', '60']);
      throw new Error(`not so after ${limitMs} ms:\n${this.console().slice(-3000)}\n${journal.stdout}`);
    }
  }
}
