import { existsSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandRunner } from '../../effects/command-runner.js';
import type { Logger } from '../../effects/logger.js';
import type { Configuration, DaemonSession, RoutingDaemon } from '../../effects/routing-daemon.js';
import { KernelError, RoutingConfigRefusedError } from '../../model/errors.js';
import type { IpFamily } from '../../model/ip-address.js';
import { LEARNED_ROUTE_METRICS } from '../../model/route.js';
import { makeDirectory } from '../make-directory.js';
import { countOf, refusalOf, sessionsOf } from './bird-answers.js';
import { BirdControl, type BirdLine } from './bird-control.js';
import { pidOfBird, untilClosed, untilGone } from './bird-process.js';
import { requireBird } from './bird-requirements.js';
import { FormerRoutes } from './former-routes.js';
import { learnedRoutes, removeLearnedRoutes } from './learned-routes.js';

/** Longest start until its control socket answers, in ms. */
const START_MS = 5_000;
const START_PAUSE_MS = 10;
const [FIRST_METRIC = 0] = LEARNED_ROUTE_METRICS;

/**
 * BIRD 2, started into the background with a configuration, a control socket and a log of its own. It is nobody's child:
 * when the daemon that started it ends or is killed, it goes on, and the next one talks to it through the socket.
 */
export class BirdDaemon implements RoutingDaemon {
  readonly #directory: string;
  readonly #runner: CommandRunner;
  readonly #families: readonly IpFamily[];
  readonly #log: Logger;
  readonly #former: FormerRoutes;
  readonly #listeners: (() => void)[] = [];
  #control: BirdControl | undefined;

  constructor(options: {
    /** Holds all its files, and nothing else. */
    readonly directory: string;
    readonly runner: CommandRunner;
    readonly families: readonly IpFamily[];
    readonly log: Logger;
  }) {
    this.#directory = options.directory;
    this.#runner = options.runner;
    this.#families = options.families;
    this.#log = options.log;
    this.#former = new FormerRoutes(options);
  }

  get logFile(): string {
    return this.#file('log');
  }

  /** @throws what `requireBird` throws */
  async prepare(): Promise<void> {
    await requireBird({ runner: this.#runner, directory: this.#directory, socketPath: this.#file('ctl') });
  }

  async run(configuration: Configuration, way: 'live' | 'anew'): Promise<'reconfigured' | 'started'> {
    await makeDirectory(this.#directory, 0o700);
    const metric = await this.#metricInForce();
    await this.#check(configuration(metric));
    if (way === 'anew') await this.#leave();
    const control = await this.#open();
    if (control === undefined) {
      await this.#start(configuration);
      return 'started';
    }
    await this.#install();
    this.#former.replaceBy(metric);
    const refusal = refusalOf(await control.command(`configure "${this.#file('conf')}"`));
    if (refusal !== undefined) throw refused(refusal);
    return 'reconfigured';
  }

  async isAtRest(): Promise<boolean> {
    if ((await this.#open()) !== undefined || (await this.#pid()) !== undefined) return false;
    return (await learnedRoutes(this.#runner, this.#families)).length === 0;
  }

  async sessions(): Promise<readonly DaemonSession[]> {
    return sessionsOf(await this.#ask('show protocols all'));
  }

  async unreachable(): Promise<number> {
    return countOf(await this.#ask('show route where dest = RTD_UNREACHABLE count'));
  }

  onEnd(listener: () => void): void {
    this.#listeners.push(listener);
  }

  release(): void {
    this.#former.stop();
    const control = this.#control;
    this.#control = undefined;
    control?.close();
  }

  async retire(): Promise<void> {
    this.#former.stop();
    if (!existsSync(this.#directory)) return;
    const control = await this.#open();
    const pid = await this.#pid();
    this.#control = undefined;
    if (control !== undefined) await control.command('down');
    else if (pid !== undefined) process.kill(pid, 'SIGTERM');
    await this.#untilEnded(pid, control);
    control?.close();
    // It leaves its routes in the kernel, as it should whenever else it ends.
    await removeLearnedRoutes(this.#runner, await learnedRoutes(this.#runner, this.#families));
    await rm(this.#directory, { recursive: true, force: true });
  }

  #file(suffix: 'conf' | 'conf.new' | 'ctl' | 'pid' | 'log'): string {
    return join(this.#directory, `bird.${suffix}`);
  }

  /** Lets BIRD itself look for faults in it. @throws RoutingConfigRefusedError */
  async #check(text: string): Promise<void> {
    const unchecked = this.#file('conf.new');
    await rm(unchecked, { force: true });
    await writeFile(unchecked, text, { mode: 0o600 });
    const { exitCode, stderr } = await this.#runner.run('bird', ['-p', '-c', unchecked]);
    if (exitCode !== 0) throw refused(stderr.trim());
  }

  /** Puts what was checked last where BIRD reads it. */
  async #install(): Promise<void> {
    await rename(this.#file('conf.new'), this.#file('conf'));
  }

  /** Of the BIRD that runs, or ran last. */
  async #metricInForce(): Promise<number> {
    const text = await readFile(this.#file('conf'), 'utf8').catch(() => '');
    return Number(/^ {2}metric (\d+);$/m.exec(text)?.[1] ?? FIRST_METRIC);
  }

  /** Ends it as one that will be back: no peer is told, and routes stay. */
  async #leave(): Promise<void> {
    const control = await this.#open();
    if (control === undefined) return;
    const pid = await this.#pid();
    this.#control = undefined;
    await control.command('graceful restart');
    await this.#untilEnded(pid, control);
  }

  /** Of one whose pid file is gone, the connection ends with it. */
  async #untilEnded(pid: number | undefined, control: BirdControl | undefined): Promise<void> {
    if (pid !== undefined) await untilGone(pid, this.#file('ctl'));
    else if (control !== undefined) await untilClosed(control);
  }

  #pid(): Promise<number | undefined> {
    return pidOfBird(this.#file('pid'), this.#file('ctl'));
  }

  async #start(configuration: Configuration): Promise<void> {
    const pid = await this.#pid();
    if (pid !== undefined) {
      // Somebody took its socket away. Killed, it leaves its routes, and its peers wait for the next.
      this.#log.warn({ pid }, 'BIRD runs and cannot be spoken to: it is replaced');
      process.kill(pid, 'SIGKILL');
      await untilGone(pid, this.#file('ctl'));
    }
    const former = new Set((await learnedRoutes(this.#runner, this.#families)).map(({ metric }) => metric));
    const metric = LEARNED_ROUTE_METRICS.find((candidate) => !former.has(candidate)) ?? FIRST_METRIC;
    await this.#check(configuration(metric));
    await this.#install();
    const files = ['-c', this.#file('conf'), '-s', this.#file('ctl'), '-P', this.#file('pid')];
    const { exitCode, stderr } = await this.#runner.run('bird', former.size > 0 ? [...files, '-R'] : files);
    if (exitCode !== 0) {
      throw new KernelError(`BIRD does not start: ${stderr.trim()}; see ${this.logFile}`, stderr);
    }
    for (
      const deadline = performance.now() + START_MS;
      (await this.#open()) === undefined;
      await sleep(START_PAUSE_MS)
    ) {
      if (performance.now() > deadline) {
        throw new KernelError(`BIRD was started and does not answer at ${this.#file('ctl')}; see ${this.logFile}`, '');
      }
    }
    this.#former.replaceBy(metric);
  }

  /** The connection that is open, or a new one; undefined if nobody listens. */
  async #open(): Promise<BirdControl | undefined> {
    if (this.#control !== undefined) return this.#control;
    const control = await BirdControl.open(this.#file('ctl'));
    if (control === undefined) return undefined;
    this.#control = control;
    void control.closed.then(() => {
      if (this.#control !== control) return;
      this.#control = undefined;
      for (const listener of this.#listeners) listener();
    });
    return control;
  }

  async #ask(command: string): Promise<readonly BirdLine[]> {
    const control = await this.#open();
    if (control === undefined) throw new KernelError('BIRD does not run; it is started again', '');
    const answer = await control.command(command);
    const refusal = refusalOf(answer);
    if (refusal === undefined) return answer;
    throw new KernelError(`BIRD did not understand "${command}": ${refusal}; is it BIRD 2?`, refusal);
  }
}

const refused = (why: string): RoutingConfigRefusedError =>
  new RoutingConfigRefusedError(
    `BIRD refuses its configuration (${why}): the former one stays in force; undo the latest change of peers, nodes or pools`,
    why,
  );
