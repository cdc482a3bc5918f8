import { connect, type Socket } from 'node:net';
import { KernelError } from '../../model/errors.js';

/** One line of BIRD's answer: `1002-mesh_a  BGP ...` has code 1002; lines that go on with a former one have its code. */
export interface BirdLine {
  readonly code: number;
  readonly text: string;
}

interface Waiting {
  readonly resolve: (lines: readonly BirdLine[]) => void;
  readonly reject: (error: Error) => void;
  readonly watchdog: NodeJS.Timeout;
}

/** Longest time until an answer is complete, in ms: taking a large configuration over needs a second. */
const TIMEOUT_MS = 10_000;

/** A connection to a running BIRD's control socket: commands are answered one after the other. */
export class BirdControl {
  readonly #socket: Socket;
  readonly #waiting: Waiting[] = [];
  #lines: BirdLine[] = [];
  #rest = '';
  /** Resolves when the connection is over: BIRD has ended, or we closed it. */
  readonly closed: Promise<void>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => this.#take(chunk));
    socket.on('error', () => {});
    this.closed = new Promise((resolve) =>
      socket.on('close', () => {
        this.#fail('BIRD ended before it answered');
        resolve();
      }),
    );
  }

  /** Undefined: nobody listens there. @throws KernelError if who listens does not greet as BIRD does */
  static async open(path: string): Promise<BirdControl | undefined> {
    const socket = await connected(path);
    if (socket === undefined) return undefined;
    const control = new BirdControl(socket);
    const [greeting] = await control.#answer();
    if (greeting?.code === 1) return control;
    control.close();
    throw new KernelError(`${path} is not BIRD's control socket; find out what uses it`, greeting?.text ?? '');
  }

  /** All lines of the answer; errors of BIRD's (8000 and above) are among them. @throws KernelError without an answer */
  command(text: string): Promise<readonly BirdLine[]> {
    this.#socket.write(`${text}\n`);
    return this.#answer();
  }

  close(): void {
    this.#socket.destroy();
  }

  #answer(): Promise<readonly BirdLine[]> {
    return new Promise((resolve, reject) => {
      const watchdog = setTimeout(() => {
        this.#fail(`BIRD did not answer within ${TIMEOUT_MS} ms`);
        // What it answers later would be taken for the answer to something else.
        this.close();
      }, TIMEOUT_MS);
      watchdog.unref();
      this.#waiting.push({ resolve, reject, watchdog });
      if (this.#socket.destroyed) this.#fail('BIRD has ended');
    });
  }

  #take(chunk: string): void {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#takeLine(line);
  }

  #takeLine(line: string): void {
    const coded = /^(\d{4})([ -])(.*)$/.exec(line);
    const code = coded === null ? (this.#lines.at(-1)?.code ?? 0) : Number(coded[1]);
    this.#lines.push({ code, text: coded?.[3] ?? line.slice(1) });
    // A space instead of the dash ends the answer.
    if (coded?.[2] !== ' ') return;
    const answer = this.#lines;
    this.#lines = [];
    const waiting = this.#waiting.shift();
    clearTimeout(waiting?.watchdog);
    waiting?.resolve(answer);
  }

  #fail(why: string): void {
    for (const { reject, watchdog } of this.#waiting.splice(0)) {
      clearTimeout(watchdog);
      reject(new KernelError(`${why}; it is started again if it has ended`, ''));
    }
  }
}

/** Undefined: there is no socket, or one that nobody listens on any more. */
function connected(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ENOENT' || error.code === 'ECONNREFUSED' ? resolve(undefined) : reject(error),
    );
  });
}
