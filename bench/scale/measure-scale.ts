import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { LabHost } from '../../test/lab/host.js';
import { Lab } from '../../test/lab/lab.js';
import { TEST_IMAGE } from '../../test/lab/test-image.js';
import { poolIdOf, startEtcd } from '../bench-host.js';
import { quantile } from '../statistics.js';
import { Agent } from './agent.js';
import { SHARED, type SizeName } from './synthetic-cluster.js';

const ETCD = 'http://127.0.0.1:2379';
const program = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const START_LIMIT_MS = 180_000;
/** From the last change until idleness is measured, and for how long that is, in ms. */
const SETTLE_MS = 20_000;
/** From the start until the first look of address management at all of the cluster is over, in ms. */
const FIRST_LOOK_MS = 75_000;
const IDLE_MS = 60_000;
const STORM_MS = 30_000;
const STORM_PER_SECOND = 1_000;

/** One line of the table. */
export interface ScaleFigure {
  readonly what: string;
  readonly measured: string;
}

/**
 * One agent in a cluster that exists in etcd alone: how long it takes to know it, what knowing costs, and how soon a
 * change of another node's is in its kernel.
 */
export async function measureScale(quick: boolean, tell: (text: string) => void): Promise<readonly ScaleFigure[]> {
  const lab = await Lab.up();
  try {
    return await new Measuring(lab.host, quick, tell).all();
  } finally {
    await lab.down();
  }
}

class Measuring {
  readonly #host: LabHost;
  readonly #quick: boolean;
  readonly #tell: (text: string) => void;
  readonly #figures: ScaleFigure[] = [];

  constructor(host: LabHost, quick: boolean, tell: (text: string) => void) {
    this.#host = host;
    this.#quick = quick;
    this.#tell = tell;
  }

  get #size(): SizeName {
    return this.#quick ? 'small' : 'large';
  }

  async all(): Promise<readonly ScaleFigure[]> {
    await startEtcd(this.#host, ['--quota-backend-bytes', '8000000000', '--unsafe-no-fsync']);
    const filled = await this.#run<{ records: number; bytes: number }>('./fill.js', ETCD, this.#size);
    this.#add('records in etcd', `${filled.records}, ${(filled.bytes / 1e6).toFixed(0)} MB`);
    const { agent, readyMs } = await Agent.start(this.#host, START_LIMIT_MS);
    try {
      const processorMs = await agent.processorMs();
      this.#add(
        'cold start until the kernel is as the records say',
        `${seconds(readyMs)}, ${seconds(processorMs)} of processor time`,
      );
      await this.#memory(agent, 'at the start');
      await sleep(this.#quick ? SETTLE_MS : FIRST_LOOK_MS);
      await this.#memory(agent, 'when it has looked at all once');
      await this.#withMember(agent);
    } catch (error) {
      throw new Error(`the agent's log ends:\n${agent.logTail()}`, { cause: error });
    } finally {
      await agent.stop();
    }
    const again = await Agent.start(this.#host, START_LIMIT_MS);
    this.#add('start again, with endpoints of its own', seconds(again.readyMs));
    await again.agent.stop();
    await this.#routes();
    return this.#figures;
  }

  /** With a network and an endpoint of its own, so that its kernel has sets of the cluster's addresses. */
  async #withMember(agent: Agent): Promise<void> {
    const { name, subnet } = SHARED;
    const options = ['-d', 'corduroy', '--ipam-driver', 'corduroy', '--subnet', subnet];
    let begun = performance.now();
    await this.#host.docker('network', 'create', ...options, name);
    this.#add('docker network create, of a network that every node has', milliseconds([performance.now() - begun]));
    begun = performance.now();
    await this.#host.docker('run', '-d', '--name', 'first', '--net', name, TEST_IMAGE);
    this.#add('docker run, the first on it', milliseconds([performance.now() - begun]));
    await this.#calls('CreateEndpoint + Join', this.#quick ? 20 : 100);
    const rounds = this.#quick ? '50' : '200';
    await this.#members('a remote endpoint is in the set', rounds);
    await sleep(SETTLE_MS);
    this.#add('processor when nothing changes', percent(await agent.processorShare(IDLE_MS)));
    await this.#memory(agent, 'with an endpoint of its own');
    const commands = [
      ['endpoint', 'list', '--node', 'node-00007'],
      ['node', 'list'],
      ['network', 'list'],
      ['profile', 'list'],
      ['status'],
    ];
    for (const command of commands) {
      begun = performance.now();
      await this.#host.run(
        'sh',
        '-c',
        `${process.execPath} ${program('../../src/cli/main.js')} ${command.join(' ')} >/run/lab/out`,
      );
      this.#add(`corduroy ${command.join(' ')}`, milliseconds([performance.now() - begun]));
    }
    const storming = this.#change<number>('storm', ETCD, `${STORM_PER_SECOND}`, '40');
    await sleep(2_000);
    const share = agent.processorShare(STORM_MS);
    await this.#calls('CreateEndpoint + Join in a storm', this.#quick ? 20 : 100);
    await this.#members('a remote endpoint is in the set, in a storm', this.#quick ? '50' : '100');
    this.#add('processor in a storm', percent(await share));
    this.#add('changes of endpoints in the storm', `${(await storming).toFixed(0)} per second`);
    await this.#memory(agent, 'after the storm');
  }

  /** All nodes on one link, and the agent itself writes the routes to all blocks. */
  async #routes(): Promise<void> {
    const link = ['link add nodes type veth peer name wire', 'link set wire up', 'link set nodes up'];
    for (const command of [...link, 'address add 172.31.255.254/12 dev nodes'])
      await this.#host.run('ip', ...command.split(' '));
    const { agent, readyMs } = await Agent.start(this.#host, START_LIMIT_MS, { CORDUROY_ROUTE_DISTRIBUTION: 'direct' });
    try {
      const routes = await this.#host.run('sh', '-c', 'ip -4 route show proto 80 | wc -l');
      this.#add('start with direct routes to all blocks', `${seconds(readyMs)}, ${routes.trim()} routes`);
      await sleep(SETTLE_MS);
      this.#add(
        "a node claims a block: its route is in this host's kernel",
        milliseconds(await this.#change<number[]>('route', ETCD, this.#quick ? '50' : '200')),
      );
      this.#add('processor when nothing changes, with these routes', percent(await agent.processorShare(IDLE_MS)));
      await this.#memory(agent, 'with these routes');
    } finally {
      await agent.stop();
    }
  }

  async #calls(what: string, rounds: number): Promise<void> {
    const network = await this.#host.docker('network', 'inspect', '-f', '{{.Id}}', SHARED.name);
    const pool = await poolIdOf(this.#host, SHARED.subnet);
    const target = `corduroy=/run/docker/plugins/corduroy.sock,${network},${pool}`;
    const output = await this.#host.run(process.execPath, program('../load.js'), 'calls', `${rounds}`, target);
    this.#add(what, milliseconds((JSON.parse(output) as { corduroy: number[] }).corduroy));
  }

  async #members(what: string, rounds: string): Promise<void> {
    this.#add(what, milliseconds(await this.#change<number[]>('member', ETCD, rounds)));
  }

  async #memory(agent: Agent, when: string): Promise<void> {
    const { now, peak } = await agent.memory();
    this.#add(`memory ${when}`, `${now.toFixed(0)} MB, at most ${peak.toFixed(0)} MB`);
  }

  #change<T>(...words: readonly string[]): Promise<T> {
    return this.#run<T>('./remote-change.js', this.#size, ...words);
  }

  async #run<T>(file: string, ...words: readonly string[]): Promise<T> {
    return JSON.parse(await this.#host.run(process.execPath, program(file), ...words)) as T;
  }

  #add(what: string, measured: string): void {
    this.#tell(`${what}: ${measured}`);
    this.#figures.push({ what, measured });
  }
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

function milliseconds(samples: readonly number[]): string {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (part: number): string => quantile(sorted, part).toFixed(0);
  return sorted.length === 1
    ? `${at(0)} ms`
    : `median ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms (${sorted.length})`;
}

export const formatScaleTable = (figures: readonly ScaleFigure[]): string =>
  [
    '| one agent in the cluster | measured |',
    '|---|---|',
    ...figures.map(({ what, measured }) => `| ${what} | ${measured} |`),
  ].join('\n');
