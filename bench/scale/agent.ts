import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { LabHost } from '../../test/lab/host.js';
import type { Service } from '../../test/lab/service.js';
import { processorMs, procFile } from './processor-time.js';

const PROGRAM = fileURLToPath(new URL('../../corduroy', import.meta.url));
const NAME = 'agent';

/** The daemon that is measured, with etcd as its store. */
export class Agent {
  readonly #host: LabHost;
  readonly #service: Service;

  private constructor(host: LabHost, service: Service) {
    this.#host = host;
    this.#service = service;
  }

  /** @returns the agent, and how long it took until the kernel was as the records say */
  static async start(
    host: LabHost,
    limitMs: number,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly agent: Agent; readonly readyMs: number }> {
    const begun = performance.now();
    const settings = { CORDUROY_DATASTORE: 'etcd', ...environment };
    const service = host.start(NAME, [PROGRAM, 'daemon'], settings);
    const logged = service.log().length;
    await service.waitUntil(async () => service.log().slice(logged).includes('"msg":"ready"'), limitMs);
    return { agent: new Agent(host, service), readyMs: performance.now() - begun };
  }

  stop(): Promise<void> {
    return this.#service.stop('SIGTERM');
  }

  logTail(): string {
    return this.#service.logTail(40);
  }

  /** Megabytes of memory that are resident: now, and at most so far. */
  async memory(): Promise<{ readonly now: number; readonly peak: number }> {
    const status = await procFile(this.#host, NAME, 'status');
    const megabytes = (field: string) => Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1_000;
    return { now: megabytes('VmRSS'), peak: megabytes('VmHWM') };
  }

  /** Share of one processor, as `processorMs`. */
  async processorShare(ms: number): Promise<number> {
    const before = await this.processorMs();
    await sleep(ms);
    return ((await this.processorMs()) - before) / ms;
  }

  /** See processorMs: of the daemon and its helpers that have ended. */
  processorMs(): Promise<number> {
    return processorMs(this.#host, NAME);
  }
}
