import { ABSENT } from '../src/effects/datastore.js';
import type { SubnetHolds } from '../src/effects/subnet-holds.js';
import type { SwarmNetworkRecords } from '../src/effects/swarm.js';
import { ConflictError } from '../src/model/errors.js';
import { parseProfileName } from '../src/model/ids.js';
import { familyOf, type IpFamily } from '../src/model/ip-address.js';
import { type Network, NetworkRecord, networkKey, newConfigNetworkName } from '../src/model/network.js';
import type { NetworkPlan, SubnetPlan } from '../src/model/network-plan.js';
import { defaultProfile, ProfileRecord, profileKey } from '../src/model/profile.js';
import type { DriverDependencies } from './dependencies.js';
import { resolveProfiles } from './endpoint-options.js';
import { parseNetworkOptions } from './network-options.js';
import { refuseOverlaps } from './network-subnets.js';

interface SwarmNetworkDependencies extends Pick<DriverDependencies, 'store' | 'clock'> {
  readonly holds: SubnetHolds;
}

/** Lays down networks of Swarm's before any node has them: only a task's start makes Docker call us for one. */
export class SwarmNetworks implements SwarmNetworkRecords {
  readonly #on: SwarmNetworkDependencies;

  constructor(dependencies: SwarmNetworkDependencies) {
    this.#on = dependencies;
  }

  async add(plan: NetworkPlan): Promise<Network> {
    const { store, clock, holds } = this.#on;
    const parsed = parseNetworkOptions(plan.options, { ipv6: plan.ipv6 });
    const options = { ...parsed, profiles: resolveProfiles(parsed.profiles, store) };
    const pool = plan.ipamOptions['pool'];
    const held: { readonly release: () => Promise<void> }[] = [];
    try {
      const subnets: SubnetPlan[] = [];
      for (const wanted of wantedSubnets(plan)) {
        const { family, ...subnet } = wanted;
        const hold = await holds.hold({ family, cidr: subnet.cidr, range: subnet.range, poolName: pool });
        held.push(hold);
        subnets.push({ ...subnet, cidr: hold.cidr });
      }
      const network: Network = {
        name: plan.name,
        subnets: subnets.map(({ cidr, gateway }) => ({ cidr, ...(gateway === undefined ? {} : { gateway }) })),
        ipam: 'corduroy',
        internal: plan.internal,
        options,
        recipe: { ...recipe(plan), subnets },
        swarm: true,
        configName: newConfigNetworkName(plan.name, clock.now()),
      };
      refuseOverlaps(store, network);
      await this.#write(network);
      return network;
    } finally {
      // From now on the record keeps others off.
      for (const hold of held) await hold.release();
    }
  }

  async #write(network: Network): Promise<void> {
    const { store } = this.#on;
    const key = networkKey(network.name);
    const profile = parseProfileName(network.name);
    const needsProfile = network.options.profiles.length === 0 && !store.profiles.has(profile);
    const outcome = await store.transact({
      compares: [{ key, revision: ABSENT }, ...(needsProfile ? [{ key: profileKey(profile), revision: ABSENT }] : [])],
      writes: [
        { kind: 'put', key, value: NetworkRecord.encode(network) },
        ...(needsProfile
          ? [{ kind: 'put', key: profileKey(profile), value: ProfileRecord.encode(defaultProfile(profile)) } as const]
          : []),
      ],
    });
    if (outcome.kind === 'committed') return;
    const leaving = store.networks.get(network.name)?.value.removal !== undefined;
    throw new ConflictError(
      `network ${network.name} is there already${leaving ? ', and is still being removed' : ''}: see "corduroy network show ${network.name}", and choose another name, or remove that one`,
    );
  }
}

const recipe = ({ name, internal, ...rest }: NetworkPlan) => rest;

/** Those of the plan, and one of each family that it has none of. */
function wantedSubnets(plan: NetworkPlan): readonly (Partial<SubnetPlan> & Wanted)[] {
  const given = plan.subnets.map((subnet) => ({ ...subnet, family: familyOf(subnet.cidr) }));
  const families: readonly IpFamily[] = plan.ipv6 ? [4, 6] : [4];
  const missing = families.filter((family) => !given.some((subnet) => subnet.family === family));
  return [...given, ...missing.map((family) => ({ family, auxiliary: {} }))];
}

interface Wanted extends Pick<SubnetPlan, 'auxiliary'> {
  readonly family: IpFamily;
}
