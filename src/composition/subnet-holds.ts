import type { SubnetRegistry } from '../../ipam-driver/subnet-registry.js';
import type { SubnetHolds } from '../effects/subnet-holds.js';

/** Subnets held as Docker's RequestPool holds them, and given back as its ReleasePool does. */
export const subnetHolds = (registry: Pick<SubnetRegistry, 'request' | 'release'>): SubnetHolds => ({
  async hold(wish) {
    const id = await registry.request(wish);
    return { cidr: id.subnet, release: async () => void (await registry.release(id)) };
  },
});
