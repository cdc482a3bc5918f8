import { setTimeout as sleep } from 'node:timers/promises';
import type { LabHost } from '../../test/lab/host.js';
import { Lab } from '../../test/lab/lab.js';
import { TEST_IMAGE } from '../../test/lab/test-image.js';
import { startEtcd } from '../bench-host.js';
import { Agent } from './agent.js';
import { nodeName, SHARED } from './cluster-layout.js';
import { milliseconds, percent, ScaleFigures, seconds } from './scale-figures.js';
import { ETCD, ScaleHost } from './scale-host.js';

const START_LIMIT_MS = 180_000;
/** From the last change until idleness is measured, and for how long that is, in ms. */
const SETTLE_MS = 20_000;
const IDLE_MS = 60_000;
/** From the start until the first look of address management at all of the cluster is over, in ms. */
const FIRST_LOOK_MS = 75_000;
const STORM_MS = 30_000;
const STORM_PER_SECOND = 1_000;

/**
 * One agent in a cluster that exists in etcd alone: how long it takes to know it, what knowing costs, and how soon a
 * change of another node's is in its kernel. @returns the table
 */
export async function measureScale(quick: boolean, tell: (text: string) => void): Promise<string> {
  const lab = await Lab.up();
  try {
    return `${await new Measuring(lab.host, quick, tell).all()}`;
  } finally {
    await lab.down();
  }
}

class Measuring {
  readonly #host: LabHost;
  readonly #scale: ScaleHost;
  readonly #quick: boolean;
  readonly #figures: ScaleFigures;

  constructor(host: LabHost, quick: boolean, tell: (text: string) => void) {
    this.#host = host;
    this.#scale = new ScaleHost(host, quick ? 'small' : 'large');
    this.#quick = quick;
    this.#figures = new ScaleFigures(tell);
  }

  async all(): Promise<ScaleFigures> {
    await startEtcd(this.#host, ['--quota-backend-bytes', '8000000000', '--unsafe-no-fsync']);
    const filled = await this.#scale.fill();
    this.#figures.add('records in etcd', `${filled.records}, ${(filled.bytes / 1e6).toFixed(0)} MB`);
    await this.#withAgent('cold start until the kernel is as the records say', async (agent) => {
      await sleep(this.#quick ? SETTLE_MS : FIRST_LOOK_MS);
      await this.#memory(agent, 'when it has looked at all once');
      await this.#figures.attempt('a network and an endpoint', () => this.#join());
      await this.#figures.attempt('remote endpoints', () => this.#follow());
      await this.#idle(agent, 'with an endpoint of its own');
      await this.#commands();
      await this.#figures.attempt('a storm', () => this.#storm(agent));
    });
    await this.#withAgent('start again, with endpoints of its own', () => this.#removals());
    await this.#onOneWire();
    await this.#withAgent('start with direct routes to all blocks', (agent) => this.#routes(agent), {
      CORDUROY_ROUTE_DISTRIBUTION: 'direct',
    });
    return this.#figures;
  }

  /** Whatever fails, the next agent is started all the same. */
  #withAgent(
    start: string,
    deed: (agent: Agent) => Promise<void>,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    return this.#figures.attempt(start, async () => {
      const { agent, readyMs } = await Agent.start(this.#host, START_LIMIT_MS, environment);
      try {
        this.#figures.add(start, `${seconds(readyMs)}, ${seconds(await agent.processorMs())} of processor time`);
        await this.#memory(agent, 'then');
        await deed(agent);
      } catch (error) {
        throw new Error(`${String(error)}\nthe agent's log ends:\n${agent.logTail()}`, { cause: error });
      } finally {
        await agent.stop();
      }
    });
  }

  /** From here on its kernel has sets of the cluster's addresses. */
  async #join(): Promise<void> {
    const { name, subnet } = SHARED;
    const options = ['-d', 'corduroy', '--ipam-driver', 'corduroy', '--subnet', subnet];
    const created = await this.#scale.timed('docker', 'network', 'create', ...options, name);
    this.#figures.add('docker network create, of a network that every node has', milliseconds([created]));
    const ran = await this.#scale.timed('docker', 'run', '-d', '--name', 'first', '--net', name, TEST_IMAGE);
    this.#figures.add('docker run, the first on it', milliseconds([ran]));
  }

  async #follow(when = ''): Promise<void> {
    const rounds = this.#quick ? 50 : 200;
    this.#figures.add(`CreateEndpoint + Join${when}`, milliseconds(await this.#scale.calls(rounds / 2)));
    const times = await this.#scale.change<number[]>('member', ETCD, `${rounds}`);
    this.#figures.add(`a remote endpoint is in the set${when}`, milliseconds(times));
  }

  async #commands(): Promise<void> {
    const commands = ['endpoint list --node node-00007', 'node list', 'network list', 'profile list', 'status'];
    for (const command of commands) {
      const what = `corduroy ${command}`;
      await this.#figures.attempt(what, async () =>
        this.#figures.add(what, milliseconds([await this.#scale.cord(...command.split(' '))])),
      );
    }
  }

  async #storm(agent: Agent): Promise<void> {
    const [rate, share] = await Promise.all([
      this.#scale.change<number>('storm', ETCD, `${STORM_PER_SECOND}`, '40'),
      sleep(2_000).then(() => agent.processorShare(STORM_MS)),
      sleep(2_000).then(() => this.#figures.attempt('in a storm', () => this.#follow(', in a storm'))),
    ]);
    this.#figures.add('processor in a storm', percent(share));
    this.#figures.add('changes of endpoints in the storm', `${rate.toFixed(0)} per second`);
    await this.#memory(agent, 'after the storm');
  }

  async #removals(): Promise<void> {
    const gone = nodeName(100);
    await this.#figures.attempt('removals', async () => {
      const removed = await this.#scale.cord('node', 'remove', gone, '--remove-endpoints');
      this.#figures.add('corduroy node remove, of one with 20 endpoints', milliseconds([removed]));
      await this.#scale.timed('docker', 'rm', '-f', 'first');
      const left = await this.#scale.timed('docker', 'network', 'rm', SHARED.name);
      this.#figures.add('docker network rm, of a network that every node has', milliseconds([left]));
    });
  }

  /** All nodes are on one link, so that there are routes to their blocks. */
  async #onOneWire(): Promise<void> {
    const link = ['link add nodes type veth peer name wire', 'link set wire up', 'link set nodes up'];
    for (const command of [...link, 'address add 172.31.255.254/12 dev nodes'])
      await this.#host.run('ip', ...command.split(' '));
  }

  async #routes(agent: Agent): Promise<void> {
    const count = await this.#host.run('sh', '-c', 'ip -4 route show proto 80 | wc -l');
    this.#figures.add("routes in this host's kernel", count.trim());
    await sleep(SETTLE_MS);
    await this.#figures.attempt('routes', async () => {
      const times = await this.#scale.change<Record<string, number[]>>('route', ETCD, this.#quick ? '25' : '100');
      const deeds = { claimed: 'a node claims a block', moved: 'another node has it', givenUp: 'it is given up' };
      for (const [deed, what] of Object.entries({ ...deeds, renumbered: "that node's address changes" }))
        this.#figures.add(`${what}: the kernel's route`, milliseconds(times[deed] ?? []));
    });
    await this.#idle(agent, 'with these routes');
  }

  async #idle(agent: Agent, when: string): Promise<void> {
    await sleep(SETTLE_MS);
    this.#figures.add(`processor when nothing changes, ${when}`, percent(await agent.processorShare(IDLE_MS)));
    await this.#memory(agent, when);
  }

  async #memory(agent: Agent, when: string): Promise<void> {
    const { now, peak } = await agent.memory();
    this.#figures.add(`memory ${when}`, `${now.toFixed(0)} MB, at most ${peak.toFixed(0)} MB`);
  }
}
