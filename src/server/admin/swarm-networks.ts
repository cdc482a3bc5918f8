import { ConflictError, InvalidRequestError } from '../../model/errors.js';
import type { NetworkName } from '../../model/ids.js';
import { configNetworkName } from '../../model/network.js';
import type { NetworkPlan } from '../../model/network-plan.js';
import type { AdminContext } from './admin-context.js';
import { change, inForce } from './change.js';
import { markRemoved } from './network-removal.js';
import { preparedFor, someOf } from './network-view.js';
import type { ChangeReply } from './route.js';
import { until } from './until.js';

/** Prepares every node, and makes the network in the swarm that this host manages. */
export async function createSwarmNetwork(context: AdminContext, plan: NetworkPlan): Promise<ChangeReply> {
  const { store, swarm, swarmNetworks, settleMs } = context;
  const { name, internal, attachable } = plan;
  await requireManager(context, name);
  const network = await swarmNetworks.add(plan);
  const missing = () => {
    const there = new Set(preparedFor(store, name));
    return [...store.nodes.keys()].filter((node) => !there.has(node));
  };
  await until(store, () => missing().length === 0, settleMs);
  try {
    if (missing().includes(context.node)) {
      throw new ConflictError(
        `swarm network ${name} was not made: this host is not prepared for it; see "corduroy status"`,
      );
    }
    await swarm.create({ name, configFrom: configNetworkName(network), internal, attachable });
  } catch (error) {
    await change(context, () => markRemoved(context, name));
    throw error;
  }
  const left = missing();
  const where = left.length === 0 ? '' : `; not yet prepared: ${someOf(left)}, see "corduroy status" there`;
  const cidrs = network.subnets.map(({ cidr }) => cidr).join(', ');
  return inForce(
    context,
    `created swarm network ${name} (${cidrs}); ${store.nodes.size - left.length} of ${store.nodes.size} hosts are prepared for its tasks${where}`,
  );
}

/** Out of the swarm first: Docker refuses while a service or a container is on it. */
export async function removeSwarmNetwork(context: AdminContext, name: NetworkName): Promise<ChangeReply> {
  const { store, swarm, dockerNetworks, settleMs } = context;
  if ((await swarm.role()) !== 'manager') {
    throw new ConflictError(
      `swarm network ${name} was not removed: this host is no manager of a swarm; run the command on one, see "docker node ls" there`,
    );
  }
  const found = await dockerNetworks.find(name);
  if (found !== undefined) await dockerNetworks.remove(found.id);
  await change(context, () => markRemoved(context, name));
  await until(store, () => !store.networks.has(name), settleMs);
  const left = preparedFor(store, name);
  const rest = left.length === 0 ? '' : `; what prepared ${someOf(left)} for it goes as soon as they can`;
  return inForce(context, `removed swarm network ${name}${rest}`);
}

async function requireManager({ networkSync, swarm }: AdminContext, name: NetworkName): Promise<void> {
  const problem = `swarm network ${name} was not made`;
  if (!networkSync) {
    throw new InvalidRequestError(
      `${problem}: the other nodes are prepared by networkSync, which is off here; use etcd and leave networkSync on, on every node`,
    );
  }
  const driver = await swarm.driver();
  if (!driver.includes(':')) {
    throw new InvalidRequestError(
      `${problem}: Swarm takes managed plugins only, and this daemon is none; install Corduroy with "docker plugin install" on every node`,
    );
  }
  const role = await swarm.role();
  if (role === 'manager') return;
  throw new ConflictError(
    role === 'worker'
      ? `${problem}: this host is a worker of its swarm; run the command on a manager, see "docker info"`
      : `${problem}: this host's Docker is in no swarm; join one with "docker swarm join", or begin one with "docker swarm init"`,
  );
}
