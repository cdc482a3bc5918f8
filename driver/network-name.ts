import type { ClusterStore } from '../src/effects/cluster-view.js';
import { ABSENT, type Compare, type Write } from '../src/effects/datastore.js';
import type { Logger } from '../src/effects/logger.js';
import { ConflictError, InternalError, InvalidRequestError } from '../src/model/errors.js';
import { type NetworkName, parseNetworkName, parseProfileName } from '../src/model/ids.js';
import {
  type Network,
  NetworkRecord,
  type NodeNetwork,
  NodeNetworkRecord,
  networkKey,
  nodeNetworkKey,
} from '../src/model/network.js';
import { defaultProfile, ProfileRecord, profileKey } from '../src/model/profile.js';
import type { DriverDependencies } from './dependencies.js';
import type { ToldNetwork } from './network-recipe.js';

/** Lost races in a row before giving up: others write a network's records only when they create or remove it, too. */
const MAX_ATTEMPTS = 8;

/**
 * Docker has told the name of a network of this node: in one transaction its records take the name, and the profile of
 * that name comes into being if it is needed and absent. Does nothing for a network that is unknown or has its name.
 *
 * If another node has a network of this name and content, the two become one; if that one is being removed, whoever
 * made this one by hand wants it to stay.
 *
 * @returns `gone`: it was made for the cluster's sake, and the cluster has it no more
 * @throws InvalidRequestError if it is no name that we can use, ConflictError if the other network is another: this one stays without a name, and unusable
 */
export async function learnNetworkName(
  { node, store, underWay, log }: NamingDependencies,
  { id: networkId, name: dockerName, recipe }: ToldNetwork,
): Promise<'named' | 'gone'> {
  const name = usableName(dockerName);
  const joining = underWay?.joining.has(name) === true;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const local = store.localNetworks.get(networkId);
    if (local === undefined || !local.value.provisional) return 'named';
    const provisional = store.networks.get(local.value.network);
    if (provisional === undefined) {
      throw new InternalError(
        `the records of network ${networkId.slice(0, 12)} are incomplete: remove it and create it again`,
      );
    }
    const existing = store.networks.get(name);
    if (existing === undefined && joining) return 'gone';
    const network: Network = {
      ...(existing?.value ?? { ...provisional.value, name }),
      recipe: existing?.value.recipe ?? recipe,
      // Docker made this one for a cluster's sake, or for a task of Swarm's: nobody asks for it to stay.
      removal: joining || recipe === undefined ? existing?.value.removal : undefined,
    };
    if (existing !== undefined) refuseDifferent(existing.value, provisional.value);
    const profile = wantedProfile(store, network);
    const nodeNetwork: NodeNetwork = { ...local.value, network: name, provisional: false };
    const compares: Compare[] = [
      { key: nodeNetworkKey(node, networkId), revision: local.revision },
      { key: networkKey(local.value.network), revision: provisional.revision },
      { key: networkKey(name), revision: existing?.revision ?? ABSENT },
      ...profile.compares,
    ];
    const writes: Write[] = [
      // Written even if it is unchanged: a node that removes its own last one at this moment loses the race.
      { kind: 'put', key: networkKey(name), value: NetworkRecord.encode(network) },
      ...profile.writes,
      { kind: 'put', key: nodeNetworkKey(node, networkId), value: NodeNetworkRecord.encode(nodeNetwork) },
      { kind: 'delete', key: networkKey(local.value.network) },
    ];
    const outcome = await store.transact({ compares, writes });
    if (outcome.kind === 'committed') {
      log.info({ networkId, network: name, joined: existing !== undefined }, 'the network has its name');
      return 'named';
    }
  }
  throw new ConflictError(`network ${name} is being changed by others: try again`);
}

interface NamingDependencies extends Pick<DriverDependencies, 'node' | 'store' | 'underWay'> {
  readonly log: Logger;
}

/** Docker's command line takes any text as a name; profiles, tags and commands cannot. */
function usableName(dockerName: string): NetworkName {
  try {
    return parseNetworkName(dockerName);
  } catch (error) {
    if (!(error instanceof InvalidRequestError)) throw error;
    throw new InvalidRequestError(`${error.message}; remove the network, and create it again with such a name`);
  }
}

/** A network without profiles of its choice needs the one of its name. */
function wantedProfile(
  store: ClusterStore,
  network: Network,
): { readonly compares: readonly Compare[]; readonly writes: readonly Write[] } {
  const name = parseProfileName(network.name);
  if (network.options.profiles.length > 0 || store.profiles.has(name)) return { compares: [], writes: [] };
  const key = profileKey(name);
  return {
    compares: [{ key, revision: ABSENT }],
    writes: [{ kind: 'put', key, value: ProfileRecord.encode(defaultProfile(name)) }],
  };
}

function refuseDifferent(existing: Network, here: Network): void {
  const problem = difference(existing, here);
  if (problem === undefined) return;
  const leaving = existing.removal === undefined ? '' : ', and is still being removed';
  throw new ConflictError(
    `network ${existing.name} is there already, with ${problem}${leaving}: remove the one on this host, and create it again like the other`,
  );
}

function difference(existing: Network, here: Network): string | undefined {
  const cidrs = (network: Network) =>
    network.subnets
      .map(({ cidr }) => cidr)
      .toSorted()
      .join(', ');
  if (cidrs(existing) !== cidrs(here)) return `subnets ${cidrs(existing)} where this one has ${cidrs(here)}`;
  if (existing.ipam !== here.ipam) return `the IPAM driver ${existing.ipam === 'docker' ? 'of Docker' : 'corduroy'}`;
  if (existing.internal !== here.internal) return existing.internal ? '--internal' : 'no --internal';
  const options = (network: Network) => JSON.stringify(network.options);
  if (options(existing) !== options(here))
    return `the options ${options(existing)} where this one has ${options(here)}`;
  return undefined;
}
