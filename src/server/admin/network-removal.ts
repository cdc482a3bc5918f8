import type { ClusterView } from '../../effects/cluster-view.js';
import { ConflictError, NotFoundError } from '../../model/errors.js';
import { filtered } from '../../model/filtered.js';
import type { NetworkName } from '../../model/ids.js';
import { NetworkRecord, networkKey } from '../../model/network.js';
import type { AdminContext } from './admin-context.js';
import { change, inForce } from './change.js';
import { nodesWith, someOf } from './network-view.js';
import { notFound } from './not-found.js';
import type { ChangeReply } from './route.js';
import { until } from './until.js';

/** Removes a network from this host's Docker, and where hosts follow each other, from every one. */
export async function removeNetwork(context: AdminContext, name: NetworkName): Promise<ChangeReply> {
  const { store, dockerNetworks, networkSync, settleMs } = context;
  const local = [...store.localNetworks.values()].find(({ value }) => value.network === name)?.value;
  const everywhere = networkSync && store.networks.get(name)?.value.recipe !== undefined;
  if (everywhere) refuseInUse(store, name);
  if (local !== undefined) {
    await dockerNetworks.remove(local.dockerNetworkId);
    await until(store, () => !store.localNetworks.has(local.dockerNetworkId), settleMs);
  } else {
    const nodes = nodesWith(store, name);
    if (nodes.length === 0) throw notFound('network', name, [...store.networks.keys()]);
    if (!everywhere) {
      throw new NotFoundError(`network ${name} is not on this host, but on ${nodes.join(', ')}; remove it there`);
    }
    await change(context, () => markRemoved(context, name));
  }
  if (!everywhere) return inForce(context, `removed network ${name}`);
  await until(store, () => !store.networks.has(name), settleMs);
  const left = nodesWith(store, name);
  if (left.length === 0) return inForce(context, `removed network ${name} from every host`);
  return inForce(context, `removed network ${name}; it goes from ${someOf(left)} as soon as they can`);
}

/** Docker asks only about the containers of its own host. */
function refuseInUse(view: ClusterView, name: NetworkName): void {
  const on = [...filtered(view.endpoints.values(), ({ value }) => view.networkOf(value)?.name === name)];
  if (on.length === 0) return;
  const names = on.map(({ value }) => `${value.container?.name ?? value.id.slice(0, 12)} on ${value.node}`);
  names.sort((one, other) => (one < other ? -1 : 1));
  throw new ConflictError(
    `network ${name} was not removed: it is in use by ${someOf(names)}; disconnect or remove the containers first`,
  );
}

/** Every node that has it, or is prepared for it, hears of that. */
export function markRemoved({ store, node, clock }: AdminContext, name: NetworkName) {
  const message = `removed network ${name}`;
  const found = store.networks.get(name);
  if (found === undefined || found.value.removal !== undefined) return { message, compares: [], writes: [] };
  const key = networkKey(name);
  const removal = { node, requestedAt: clock.now().toISOString() };
  return {
    message,
    compares: [{ key, revision: found.revision }],
    writes: [{ kind: 'put' as const, key, value: NetworkRecord.encode({ ...found.value, removal }) }],
  };
}
