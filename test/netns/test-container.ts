import type { Endpoint } from '../../src/model/endpoint.js';
import { containerInterfaceOf } from '../../src/model/ids.js';
import { familyOf } from '../../src/model/ip-address.js';
import { hostSideLinkLocalOf } from '../../src/model/mac-address.js';
import { TestNamespace } from './test-namespace.js';

/** The gateway that these containers use on IPv4. */
export const TEST_GATEWAY = '169.254.1.1';

/** Does with an attached endpoint what Docker does after Join: moves, renames and configures the container end. */
export async function moveIntoContainer(
  hostNamespace: TestNamespace,
  endpoint: Pick<Endpoint, 'id' | 'dockerNetworkId' | 'addresses'>,
): Promise<TestNamespace> {
  const container = await TestNamespace.create('c');
  await hostNamespace.ip(`link set ${containerInterfaceOf(endpoint.id)} netns ${container.name}`);
  await container.ip(`link set ${containerInterfaceOf(endpoint.id)} name eth0`);
  await container.sysctls.write([{ path: 'net/ipv6/conf/eth0/accept_dad', value: '0' }]);
  for (const address of endpoint.addresses) {
    await container.ip(
      familyOf(address) === 4 ? `addr add ${address}/32 dev eth0` : `addr add ${address}/128 dev eth0 nodad`,
    );
  }
  await container.ip('link set eth0 up');
  if (endpoint.addresses.some((address) => familyOf(address) === 4)) {
    await container.ip(`route add ${TEST_GATEWAY}/32 dev eth0 scope link`);
    await container.ip(`route add default via ${TEST_GATEWAY}`);
  }
  if (endpoint.addresses.some((address) => familyOf(address) === 6)) {
    const gateway = hostSideLinkLocalOf(endpoint.dockerNetworkId);
    await container.ip(`-6 route add ${gateway}/128 dev eth0`);
    await container.ip(`-6 route add default via ${gateway} dev eth0`);
  }
  return container;
}
