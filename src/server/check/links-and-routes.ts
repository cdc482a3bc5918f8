import type { HostFacts } from '../../effects/host-facts.js';
import { overlaps, prefixLengthOf } from '../../model/cidr.js';
import { type CheckSettings, type Finding, found } from './finding.js';

export function checkMtu({ uplinks }: HostFacts, settings: CheckSettings): Finding[] {
  const smallest = uplinks.reduce<(typeof uplinks)[number] | undefined>(
    (least, link) => (least === undefined || link.mtu < least.mtu ? link : least),
    undefined,
  );
  if (smallest === undefined) return found('note', 'MTU', 'this host has no interface towards others');
  if (settings.mtu !== undefined && settings.mtu > smallest.mtu) {
    return found(
      'warning',
      'MTU',
      `mtu is ${settings.mtu}, but ${smallest.name} carries ${smallest.mtu}: large packets would vanish`,
      `set mtu to ${smallest.mtu}, or leave it at auto`,
    );
  }
  const others = uplinks.filter(({ mtu }) => mtu !== smallest.mtu);
  if (others.length === 0) return found('ok', 'MTU', `${smallest.mtu} on every interface towards others`);
  const list = [smallest, ...others].map(({ name, mtu }) => `${name} ${mtu}`).join(', ');
  return found('note', 'MTU', `interfaces differ (${list})`, `where large packets vanish, set mtu to ${smallest.mtu}`);
}

export function checkPools({ routes }: HostFacts, { pools }: CheckSettings): Finding[] {
  const clashes = pools.flatMap((pool) =>
    routes
      .filter(({ destination }) => prefixLengthOf(destination) > 0 && overlaps(destination, pool))
      .map((route) => ({ pool, route })),
  );
  if (clashes.length === 0) return found('ok', 'pools', 'no pool overlaps a route of this host');
  return clashes.flatMap(({ pool, route }) =>
    found(
      'warning',
      'pools',
      `pool ${pool} overlaps this host's route to ${route.destination} on ${route.interfaceName}: containers could hide hosts there`,
      'use another pool: corduroy pool add CIDR, then corduroy pool set POOL --disable for this one',
    ),
  );
}
