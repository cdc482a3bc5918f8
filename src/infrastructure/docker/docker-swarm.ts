import { z } from 'zod';
import type { Swarm, SwarmNetworkPlan, SwarmRole } from '../../effects/swarm.js';
import type { DockerNetworkId } from '../../model/ids.js';
import { EngineOrders } from './engine-orders.js';

const info = z.object({
  Swarm: z.object({ LocalNodeState: z.string(), ControlAvailable: z.boolean().optional() }).optional(),
});

/** The swarm of a real engine. */
export class DockerSwarm implements Swarm {
  readonly #orders: EngineOrders;

  constructor(engine: ConstructorParameters<typeof EngineOrders>[0]) {
    this.#orders = new EngineOrders(engine);
  }

  async role(): Promise<SwarmRole> {
    const answer = await this.#orders.ask('the swarm was not asked for', { path: '/info', method: 'GET' });
    const swarm = info.parse(answer).Swarm;
    if (swarm?.LocalNodeState !== 'active') return 'none';
    return swarm.ControlAvailable === true ? 'manager' : 'worker';
  }

  driver(): Promise<string> {
    return this.#orders.driver("the plugin's name in Docker is not known");
  }

  async create({ name, configFrom, internal, attachable }: SwarmNetworkPlan): Promise<DockerNetworkId> {
    return this.#orders.createNetwork(`swarm network ${name}`, {
      Name: name,
      CheckDuplicate: true,
      Driver: await this.driver(),
      Scope: 'swarm',
      ConfigFrom: { Network: configFrom },
      Internal: internal,
      Attachable: attachable,
    });
  }
}
