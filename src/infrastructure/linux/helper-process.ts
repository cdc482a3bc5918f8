import type { Readable } from 'node:stream';
import type { CommandRunner, RunningCommand } from '../../effects/command-runner.js';
import type { Logger } from '../../effects/logger.js';
import { KernelError } from '../../model/errors.js';

/** How a kind of helper is started, and how one tells that it has done what it was given. */
export interface HelperKind {
  readonly program: string;
  readonly args: readonly string[];
  /** What is written behind a request so that the helper answers when it has come so far. `n` grows. */
  barrier(n: number): string;
  /** Is this line the answer to the barrier? */
  isAnswer(line: string, n: number): boolean;
  /** Lines that are no news: prompts, echoes. */
  isNoise(line: string): boolean;
}

interface Exchange {
  readonly n: number;
  readonly lines: string[];
  readonly resolve: (lines: readonly string[]) => void;
  readonly reject: (error: Error) => void;
  readonly watchdog: NodeJS.Timeout;
}

/** One run of the program, with what it was asked and has not answered. */
interface Run {
  readonly process: RunningCommand;
  readonly exchanges: Exchange[];
}

/**
 * A program that stays, fed with commands line by line: many times faster than one process per command.
 *
 * Started at the first request and again after it ended. A request that the program did not answer in time ends it
 * (SIGKILL), because nobody knows how far it came.
 */
export class HelperProcess {
  readonly #runner: CommandRunner;
  readonly #kind: HelperKind;
  readonly #log: Logger;
  #run: Run | undefined;
  #count = 0;
  #startCount = 0;
  #ended = false;

  constructor(runner: CommandRunner, kind: HelperKind, log: Logger) {
    this.#runner = runner;
    this.#kind = kind;
    this.#log = log;
  }

  /** Of the program as it runs now; undefined if it does not. */
  get pid(): number | undefined {
    return this.#run?.process.pid;
  }

  /** How often it was started. */
  get starts(): number {
    return this.#startCount;
  }

  /**
   * Resolves with what the helper said, when it has worked through the request. Requests are answered in order.
   *
   * @param request whole lines, each with its line end
   * @throws KernelError if the helper ended or was silent for `timeoutMs`: the request may have been done in part
   */
  exchange(request: string, timeoutMs: number): Promise<readonly string[]> {
    if (this.#ended) return Promise.reject(new KernelError(`${this.#kind.program} was ended by us`, ''));
    const run = this.#run ?? this.#start();
    const n = ++this.#count;
    return new Promise((resolve, reject) => {
      const watchdog = setTimeout(() => this.#silent(run, timeoutMs), timeoutMs);
      run.exchanges.push({ n, lines: [], resolve, reject, watchdog });
      const { stdin } = run.process;
      // What is asked in one turn of the loop goes out in one piece.
      stdin.cork();
      stdin.write(request + this.#kind.barrier(n));
      process.nextTick(() => stdin.uncork());
    });
  }

  /** Ends the program for good. Requests under way fail, and so do later ones. */
  stop(): void {
    this.#ended = true;
    const run = this.#run;
    if (run === undefined) return;
    this.#run = undefined;
    run.process.kill();
    this.#fail(run, `${this.#kind.program} was ended by us`, '');
  }

  /** Later requests go to a program started anew, which remembers nothing; this one ends when it has answered. */
  renew(): void {
    this.#run?.process.stdin.end();
    this.#run = undefined;
  }

  #start(): Run {
    const process = this.#runner.start(this.#kind.program, this.#kind.args);
    const run: Run = { process, exchanges: [] };
    this.#run = run;
    this.#startCount++;
    const take = (line: string) => this.#line(run, line);
    eachLine(process.stdout, take);
    eachLine(process.stderr, take);
    void process.ended.then((how) => {
      if (this.#run === run) this.#run = undefined;
      this.#fail(run, `${this.#kind.program} ended: ${how}`, run.exchanges[0]?.lines.join('\n') ?? '');
    });
    return run;
  }

  #line({ exchanges }: Run, line: string): void {
    const [exchange] = exchanges;
    if (exchange === undefined) return;
    if (this.#kind.isAnswer(line, exchange.n)) {
      exchanges.shift();
      clearTimeout(exchange.watchdog);
      exchange.resolve(exchange.lines);
    } else if (!this.#kind.isNoise(line)) {
      exchange.lines.push(line);
    }
  }

  #silent(run: Run, timeoutMs: number): void {
    if (this.#run === run) this.#run = undefined;
    run.process.kill();
    this.#fail(run, `${this.#kind.program} did not answer within ${timeoutMs} ms and was killed`, '');
  }

  #fail({ exchanges }: Run, why: string, detail: string): void {
    const failed = exchanges.splice(0);
    if (failed.length > 0) this.#log.warn({ program: this.#kind.program, detail, requests: failed.length }, why);
    for (const { reject, watchdog } of failed) {
      clearTimeout(watchdog);
      reject(new KernelError(`${why}${detail === '' ? '' : `: ${detail}`}; it is started again`, detail));
    }
  }
}

function eachLine(stream: Readable, take: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
  });
  stream.on('error', () => {});
}
