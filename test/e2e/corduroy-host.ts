import { afterAll, beforeAll } from '@jest/globals';
import type { Container } from '../lab/container.js';
import type { LabHost } from '../lab/host.js';
import { Lab } from '../lab/lab.js';
import { TEST_IMAGE } from '../lab/test-image.js';

/** Longest time that a real engine may need for one test, in ms. */
export const E2E_TIMEOUT_MS = 60_000;

/** A host of a lab, with our daemon running; each test makes networks and containers of its own. */
export class CorduroyLab {
  readonly lab: Lab;
  readonly host: LabHost;
  /** As Docker knows it: a managed plugin by its name and tag. */
  readonly driver: string;

  constructor(lab: Lab, host = lab.host, driver = 'corduroy') {
    this.lab = lab;
    this.host = host;
    this.driver = driver;
  }

  get outside(): Lab['outside'] {
    return this.lab.outside;
  }

  /** `docker network create -d corduroy --ipam-driver corduroy FLAGS NAME` */
  async network(name: string, ...flags: readonly string[]): Promise<void> {
    await this.host.docker('network', 'create', '-d', this.driver, '--ipam-driver', this.driver, ...flags, name);
  }

  /** `docker run -d --name NAME --net NETWORK FLAGS` of the test image. */
  async start(name: string, network: string, ...flags: readonly string[]): Promise<Container> {
    await this.host.docker('run', '-d', '--name', name, '--net', network, ...flags, TEST_IMAGE);
    return this.host.container(name);
  }

  /** Whether `docker run` refuses, and what it tells the user. */
  async refusal(...words: readonly string[]): Promise<string> {
    const { exitCode, stderr } = await this.host.tryDocker(...words);
    if (exitCode === 0) throw new Error(`docker ${words.join(' ')} was accepted`);
    return stderr;
  }

  async remove(...containers: readonly string[]): Promise<void> {
    await this.host.docker('rm', '-f', ...containers);
  }

  async removeNetworks(...networks: readonly string[]): Promise<void> {
    await this.host.docker('network', 'rm', ...networks);
  }
}

/** Registers the making and the ending of a lab for the describe block it is called in. */
export function useCorduroy({
  start = true,
  ...options
}: {
  readonly arguments?: readonly string[];
  /** False: the test starts the daemon. */
  readonly start?: boolean;
} = {}): () => CorduroyLab {
  let current: CorduroyLab | undefined;
  beforeAll(async () => {
    current = new CorduroyLab(await Lab.up());
    if (start) await current.host.startCorduroy(options);
  }, E2E_TIMEOUT_MS);
  afterAll(async () => {
    if (process.env['CORDUROY_LAB_LOGS'] !== undefined) process.stderr.write(`${current?.host.corduroyLog(400)}\n`);
    await current?.lab.down();
  }, E2E_TIMEOUT_MS);
  return () => {
    if (current === undefined) throw new Error('the lab is not up');
    return current;
  };
}

/** Asks until it is so, at most 10 s; then fails with what it was told last. */
export async function eventually<T>(ask: () => Promise<T>, isSo: (value: T) => boolean, limitMs = 10_000): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const value = await ask();
    if (isSo(value)) return value;
    if (Date.now() > deadline) throw new Error(`still so after ${limitMs} ms: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
