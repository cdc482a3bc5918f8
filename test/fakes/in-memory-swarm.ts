import type { Swarm, SwarmNetworkPlan, SwarmRole } from '../../src/effects/swarm.js';
import { ConflictError } from '../../src/model/errors.js';
import { type DockerNetworkId, parseDockerNetworkId } from '../../src/model/ids.js';

/** A swarm of which a test says what this host is in it. */
export class InMemorySwarm implements Swarm {
  readonly plans: SwarmNetworkPlan[] = [];
  is: SwarmRole = 'none';
  plugin = 'corduroy';
  refuses = false;

  async role(): Promise<SwarmRole> {
    return this.is;
  }

  async driver(): Promise<string> {
    return this.plugin;
  }

  async create(plan: SwarmNetworkPlan): Promise<DockerNetworkId> {
    if (this.refuses) throw new ConflictError(`swarm network ${plan.name} was not made: Docker says: no`);
    this.plans.push(plan);
    return parseDockerNetworkId('s'.repeat(25));
  }
}
