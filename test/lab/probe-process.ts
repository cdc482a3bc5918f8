import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What a probe (probe.ts) tells when it is stopped. */
export interface ProbeReport {
  readonly sent: number;
  /** Distinct sequence numbers that arrived (a sender: that came back). */
  readonly received: number;
  /** Numbers below the highest that arrived, and did not arrive themselves. At most the first 20. */
  readonly missing: readonly number[];
  readonly missingCount: number;
  /** Longest time between two arrivals, in ms. */
  readonly longestGapMs: number;
  /** Arrivals by source address. */
  readonly sources: Readonly<Record<string, number>>;
}

export interface Probe {
  /** Ends it and gives its report. */
  stop(): Promise<ProbeReport>;
  /** What it has counted up to now. */
  report(): Promise<ProbeReport>;
}

/** Probes that run on behalf of this test file. */
const running = new Set<ChildProcess>();

/** Ends the probes that a test left running; whoever waits for one hears that it ended early. */
export function endProbes(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** Starts a probe by its command line, and resolves when its socket is open. */
export async function startProbe(command: readonly [string, ...string[]]): Promise<Probe> {
  const child = spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] });
  running.add(child);
  child.on('exit', () => running.delete(child));
  const complaints: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk.toString()));
  const waiting: ((line: string | undefined) => void)[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => waiting.shift()?.(line));
  lines.on('close', () => {
    for (const resolve of waiting.splice(0)) resolve(undefined);
  });
  const nextLine = async (): Promise<string> => {
    const line = await new Promise<string | undefined>((resolve) => waiting.push(resolve));
    if (line !== undefined) return line;
    throw new Error(`a probe ended early: ${complaints.join('').trim()}`);
  };
  const ask = async (): Promise<ProbeReport> => {
    const answer = nextLine();
    child.stdin.write('report\n');
    return JSON.parse(await answer) as ProbeReport;
  };
  await nextLine();
  return {
    report: ask,
    stop: async () => {
      const report = await ask();
      child.stdin.end();
      return report;
    },
  };
}
