import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { CommandRunner, RunningCommand } from '../../../src/effects/command-runner.js';
import { silentLogger } from '../../../src/effects/logger.js';
import type { NetworkStackChange } from '../../../src/effects/network-stack.js';
import { watchIpMonitor } from '../../../src/infrastructure/linux/ip-monitor.js';
import { watchPacketFilter } from '../../../src/infrastructure/linux/packet-filter-watch.js';

/** Programs that run until the test ends them; `programs` are those that were started, the latest last. */
class Starting implements CommandRunner {
  readonly programs: { readonly command: string; print(line: string): void; end(): void; killed: boolean }[] = [];
  run(): never {
    throw new Error('nothing is run to its end here');
  }
  start(program: string, args: readonly string[]): RunningCommand {
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    let end = (_how: string): void => {};
    const ended = new Promise<string>((resolve) => {
      end = resolve;
    });
    const started = {
      command: [program, ...args].join(' '),
      print: (line: string) => stdout.write(`${line}\n`),
      end: () => end('it was killed'),
      killed: false,
    };
    this.programs.push(started);
    const kill = () => {
      started.killed = true;
    };
    return { pid: this.programs.length, stdin, stdout, stderr, ended, kill };
  }
}

const PAUSE_MS = 1_000;
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
};
/** The program that runs ends, and time passes. */
async function outlive(runner: Starting, ms = PAUSE_MS): Promise<void> {
  runner.programs.at(-1)?.end();
  await turns();
  jest.advanceTimersByTime(ms);
  await turns();
}

let runner: Starting;
let told: number;
beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance'] });
  runner = new Starting();
  told = 0;
});
afterEach(() => {
  jest.useRealTimers();
});

describe('ip monitor', () => {
  const changes: NetworkStackChange[] = [];
  beforeEach(() => {
    changes.length = 0;
  });
  const watch = () => watchIpMonitor(runner, silentLogger, (change) => changes.push(change));

  test('that ended is started again a second later, and what it missed is told as unknown', async () => {
    const watching = watch();
    await outlive(runner, PAUSE_MS - 1);
    expect([runner.programs.length, changes]).toEqual([1, []]);
    jest.advanceTimersByTime(1);
    expect(runner.programs.map(({ command }) => command)).toEqual([
      'stdbuf -oL ip -o monitor link route address',
      'stdbuf -oL ip -o monitor link route address',
    ]);
    expect(changes).toEqual([{ kind: 'unknown' }]);
    runner.programs.at(-1)?.print('Deleted 7: cord0123456789a@if6: <BROADCAST> mtu 1500');
    await turns();
    expect(changes.at(-1)).toEqual({ kind: 'linkRemoved', link: 'cord0123456789a' });
    watching.close();
  });

  test('is ended at the close, tells nothing after it, and is not started again', async () => {
    const watching = watch();
    const [program] = runner.programs;
    watching.close();
    program?.print('Deleted 7: cord0123456789a@if6: <BROADCAST> mtu 1500');
    await outlive(runner);
    expect([program?.killed, runner.programs.length, changes]).toEqual([true, 1, []]);
  });

  test('that ended just before the close is not started again', async () => {
    const watching = watch();
    await outlive(runner, 0);
    watching.close();
    await outlive(runner);
    expect([runner.programs.length, changes]).toEqual([1, []]);
  });
});

describe('xtables-monitor that ends', () => {
  /** What the kernel's own chains hold; undefined: they cannot be read. */
  let hooks: string | undefined;
  const watch = () =>
    watchPacketFilter({
      ...{ runner, backend: 'nft', families: [4], ourPids: () => [], log: silentLogger },
      hooks: async () => {
        if (hooks === undefined) throw new Error('the tables are locked');
        return hooks;
      },
      listener: () => {
        told++;
      },
    });
  beforeEach(() => {
    hooks = '-A FORWARD -j cord-fwd';
  });

  test('is started again; nobody is told where the hooks are the same', async () => {
    const watching = watch();
    for (const count of [2, 3, 4]) {
      await outlive(runner);
      expect([runner.programs.length, told]).toEqual([count, 0]);
    }
    watching.close();
  });

  test('differing hooks are told, each difference once', async () => {
    const watching = watch();
    await turns();
    hooks = '';
    await outlive(runner);
    expect(told).toBe(1);
    await outlive(runner);
    expect(told).toBe(1);
    hooks = '-A FORWARD -j cord-fwd';
    await outlive(runner);
    expect(told).toBe(2);
    watching.close();
  });

  test.each([
    ['before', [undefined, '-A FORWARD -j cord-fwd']],
    ['after', ['-A FORWARD -j cord-fwd', undefined]],
    ['at any time', [undefined, undefined]],
  ])('hooks that cannot be read %s are told, as if they differed', async (_, [before, after]) => {
    hooks = before;
    const watching = watch();
    await turns();
    hooks = after;
    await outlive(runner);
    expect(told).toBe(1);
    watching.close();
  });
});
