import type Dockerode from 'dockerode';
import { z } from 'zod';
import type { Swarm, SwarmNetworkPlan, SwarmRole } from '../../effects/swarm.js';
import { InternalError } from '../../model/errors.js';
import { type DockerNetworkId, parseDockerNetworkId } from '../../model/ids.js';
import { parsed } from '../../model/record.js';
import { refusalOf } from './docker-engine-networks.js';
import { askEngine, connectToEngine, type EngineRequest } from './engine-connection.js';

const DEADLINE_MS = 20_000;

const info = z.object({
  Swarm: z.object({ LocalNodeState: z.string(), ControlAvailable: z.boolean().optional() }).optional(),
});
const created = z.object({ Id: parsed(parseDockerNetworkId) });

/** The swarm of a real engine. */
export class DockerSwarm implements Swarm {
  readonly #engine: Dockerode;
  readonly #driver: () => Promise<string>;

  constructor(options: { readonly socketPath: string; readonly driver: () => Promise<string> }) {
    this.#engine = connectToEngine(options.socketPath);
    this.#driver = options.driver;
  }

  async role(): Promise<SwarmRole> {
    const answer = await this.#ask('the swarm was not asked for', { path: '/info', method: 'GET' });
    const swarm = info.parse(answer).Swarm;
    if (swarm?.LocalNodeState !== 'active') return 'none';
    return swarm.ControlAvailable === true ? 'manager' : 'worker';
  }

  async driver(): Promise<string> {
    return this.#driver().catch((error: unknown) => {
      throw refusalOf(error, "the plugin's name in Docker is not known");
    });
  }

  async create({ name, configFrom, internal, attachable }: SwarmNetworkPlan): Promise<DockerNetworkId> {
    const body = {
      Name: name,
      CheckDuplicate: true,
      Driver: await this.driver(),
      Scope: 'swarm',
      ConfigFrom: { Network: configFrom },
      Internal: internal,
      Attachable: attachable,
    };
    const failure = `swarm network ${name} was not made`;
    const id = created.safeParse(await this.#ask(failure, { path: '/networks/create', method: 'POST', body })).data?.Id;
    if (id !== undefined) return id;
    throw new InternalError(`Docker made swarm network ${name} and its answer cannot be read; see "docker network ls"`);
  }

  async #ask(failure: string, request: Omit<EngineRequest, 'abortSignal'>): Promise<unknown> {
    try {
      return await askEngine(this.#engine, { ...request, abortSignal: AbortSignal.timeout(DEADLINE_MS) });
    } catch (error) {
      throw refusalOf(error, failure);
    }
  }
}
