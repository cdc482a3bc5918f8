import { expect, test } from '@jest/globals';
import { endpointKernelState } from '../../routing/endpoint-kernel-state.js';
import { linkSettings } from '../../routing/link-settings.js';
import { type InterfaceName, parseDockerNetworkId, parseEndpointId } from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { macOfEndpoint } from '../../src/model/mac-address.js';

const LINK = 'vxlan.cord' as InterfaceName;
const valuesOf = (settings: ReturnType<typeof linkSettings>, name: string) =>
  settings.filter(({ path }) => path.endsWith(`/${name}`)).map(({ value }) => value);

test('a source must be behind the link, or, loosely, behind any', () => {
  expect(valuesOf(linkSettings(LINK, { reversePath: 'strict', ipv6: true }), 'rp_filter')).toEqual(['1']);
  expect(valuesOf(linkSettings(LINK, { reversePath: 'loose', ipv6: true }), 'rp_filter')).toEqual(['2']);
});

test('a kernel without IPv6 is given no setting of it', () => {
  const settings = linkSettings(LINK, { reversePath: 'strict', ipv6: false });
  expect(settings.filter(({ path }) => path.startsWith('net/ipv6'))).toEqual([]);
  expect(valuesOf(settings, 'forwarding')).toEqual(['1']);
});

test("a container's link has them all, each once, and is strict", () => {
  const id = parseEndpointId('e'.repeat(64));
  const { hostEnd, sysctls } = endpointKernelState(
    {
      id,
      dockerNetworkId: parseDockerNetworkId('a'.repeat(64)),
      mac: macOfEndpoint(id),
      addresses: [parseIpAddress('10.64.0.2')],
    },
    { ipv6: true },
  );
  expect(sysctls).toEqual(expect.arrayContaining([...linkSettings(hostEnd, { reversePath: 'strict', ipv6: true })]));
  expect(new Set(sysctls.map(({ path }) => path)).size).toBe(sysctls.length);
  expect([valuesOf(sysctls, 'route_localnet'), valuesOf(sysctls, 'proxy_arp')]).toEqual([['0'], ['1']]);
});
