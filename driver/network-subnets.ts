import type { ClusterView } from '../src/effects/cluster-view.js';
import type { HostRoute } from '../src/effects/host-routes.js';
import { type Cidr, cidrKey, overlaps } from '../src/model/cidr.js';
import { ConflictError, InvalidRequestError } from '../src/model/errors.js';
import { familyOf } from '../src/model/ip-address.js';
import type { Network, NetworkSubnet } from '../src/model/network.js';
import { whyNotForContainers } from '../src/model/special-ranges.js';
import {
  DOCKER_ADDRESS_SPACES,
  GLOBAL_ADDRESS_SPACE,
  LOCAL_ADDRESS_SPACE,
  NULL_ADDRESS_SPACE,
} from '../src/protocol/activate.js';
import type { CreateNetworkRequest } from '../src/protocol/network-driver.js';

const OURS: ReadonlySet<string> = new Set([LOCAL_ADDRESS_SPACE, GLOBAL_ADDRESS_SPACE]);

/**
 * Who assigns the network's addresses.
 *
 * @throws InvalidRequestError if it cannot be us or Docker, with the command that works
 */
export function ipamOf(request: CreateNetworkRequest, datastore: 'embedded' | 'etcd'): Network['ipam'] {
  const spaces = new Set(request.subnets.map(({ addressSpace }) => addressSpace));
  const [space, ...others] = spaces;
  if (space === undefined) {
    throw new InvalidRequestError(
      'the network has neither an IPv4 nor an IPv6 subnet: leave --ipv4=false out, or add --ipv6',
    );
  }
  if (others.length === 0 && OURS.has(space)) return 'corduroy';
  if (space === NULL_ADDRESS_SPACE) {
    throw new InvalidRequestError(
      `containers of this driver need addresses, and the null IPAM driver gives none: use "${commandFor(request)}"`,
    );
  }
  if (others.length > 0 || !DOCKER_ADDRESS_SPACES.has(space)) {
    throw new InvalidRequestError(
      `addresses from the IPAM address space ${[...spaces].map((name) => name.slice(0, 60)).join(', ')} are not known to this driver: use "${commandFor(request)}"`,
    );
  }
  if (datastore === 'embedded') return 'docker';
  throw new InvalidRequestError(
    `Docker's own IPAM driver would give the same addresses on every host: use "${commandFor(request)}"`,
  );
}

/** Longer options are not repeated, in characters: the command must stay readable. */
const MAX_SHOWN_OPTION = 100;

/** The same `docker network create` with our IPAM driver. Docker does not tell the name, nor subnets it chose itself. */
function commandFor({ internal, ipv6, options, subnets }: CreateNetworkRequest): string {
  const quoted = (text: string) => (/^[\w.,:/=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
  const shown = (text: string) => (text.length <= MAX_SHOWN_OPTION ? quoted(text) : '...');
  return [
    'docker network create -d corduroy --ipam-driver corduroy',
    ...(internal ? ['--internal'] : []),
    ...(ipv6 ? ['--ipv6'] : []),
    ...subnets
      .filter(({ addressSpace, pool }) => chosenByUser(addressSpace, pool))
      .map(({ pool }) => `--subnet ${pool}`),
    ...Object.entries(options).map(([name, value]) => `-o ${shown(`${name}=${value}`)}`),
    'NAME',
  ].join(' ');
}

/** Docker's default pools (172.17.0.0/16 to 172.31.0.0/16, and /20 pieces of 192.168.0.0/16) are nobody's choice. */
const chosenByUser = (addressSpace: string, pool: Cidr): boolean =>
  addressSpace !== NULL_ADDRESS_SPACE && !/^172\.(1[6-9]|2\d|3[01])\.0\.0\/16$|^192\.168\.\d+\.0\/20$|\/0$/.test(pool);

/** IPv4 first. @throws InvalidRequestError if two of them overlap */
export function subnetsOf(request: CreateNetworkRequest): readonly NetworkSubnet[] {
  const subnets = request.subnets.map(
    ({ pool, gateway }): NetworkSubnet => ({ cidr: pool, ...(gateway === undefined ? {} : { gateway }) }),
  );
  for (const [index, { cidr }] of subnets.entries()) {
    const twin = subnets.slice(0, index).find((other) => overlaps(other.cidr, cidr));
    if (twin === undefined) continue;
    throw new InvalidRequestError(`the subnets ${twin.cidr} and ${cidr} of one network overlap: give disjoint ones`);
  }
  return subnets.toSorted((one, other) => familyOf(one.cidr) - familyOf(other.cidr));
}

/**
 * Two networks may have the same subnet if it is a pool, whose addresses our IPAM gives out once; and two nodes may
 * have the same network. Any other overlap would let two containers have one address.
 *
 * @throws ConflictError naming the other network
 */
export function refuseOverlaps(
  view: Pick<ClusterView, 'networks' | 'localNetworks' | 'pools'>,
  { ipam, subnets }: Pick<Network, 'ipam' | 'subnets'>,
): void {
  const local = new Set([...view.localNetworks.values()].map(({ value }) => value.network));
  for (const { cidr } of subnets) {
    if (ipam === 'docker') refusePools(view, cidr);
    for (const { value: other } of view.networks.values()) {
      const clash = other.subnets.find((subnet) => overlaps(subnet.cidr, cidr));
      if (clash === undefined) continue;
      const bothOurs = ipam === 'corduroy' && other.ipam === 'corduroy';
      if (bothOurs && (isPool(view, cidr) || isPool(view, clash.cidr))) continue;
      // Another node's network of these very subnets is most likely the one that this node is now joining.
      if (bothOurs && clash.cidr === cidr && !local.has(other.name)) continue;
      throw new ConflictError(
        `subnet ${cidr} overlaps ${clash.cidr} of network ${other.name}: choose another --subnet, or leave it out and one is chosen`,
      );
    }
  }
}

/**
 * Docker's own IPAM driver gives whatever `--subnet` says; ours has looked at these things before.
 *
 * @throws InvalidRequestError, ConflictError naming the route
 */
export function refuseUnusable({ subnets }: Pick<Network, 'subnets'>, hostRoutes: readonly HostRoute[]): void {
  for (const { cidr } of subnets) {
    const special = whyNotForContainers(cidr);
    if (special !== undefined) {
      throw new InvalidRequestError(
        `containers cannot have addresses of --subnet ${cidr}: ${special}; choose another, or leave --subnet out`,
      );
    }
    const route = hostRoutes.find(({ destination }) => overlaps(destination, cidr));
    if (route === undefined) continue;
    throw new ConflictError(
      `--subnet ${cidr} overlaps this host's route to ${route.destination} (${route.description}); choose another subnet`,
    );
  }
}

function refusePools(view: Pick<ClusterView, 'pools'>, cidr: Cidr): void {
  const pool = [...view.pools.values()].find(({ value }) => overlaps(value.cidr, cidr))?.value;
  if (pool === undefined) return;
  throw new ConflictError(
    `subnet ${cidr} overlaps pool ${pool.name} (${pool.cidr}), whose addresses Docker's own IPAM driver does not know: add --ipam-driver corduroy`,
  );
}

const isPool = (view: Pick<ClusterView, 'pools'>, cidr: Cidr): boolean => view.pools.has(cidrKey(cidr));
