import { describe, expect, test } from '@jest/globals';
import { detectAddress, type HostAddress } from '../../src/composition/node-address.js';
import { nodeIpDetect } from '../../src/config/node-ip-detect.js';
import { type IpFamily, parseIpAddress } from '../../src/model/ip-address.js';

const at = (interfaceName: string, address: string): HostAddress => ({
  interfaceName,
  address: parseIpAddress(address),
});
const host = [
  at('docker0', '172.17.0.1'),
  at('eth0', '169.254.7.7'),
  at('eth0', '192.0.2.10'),
  at('eth0', 'fe80::1'),
  at('eth1', '198.51.100.4'),
  at('eth1', '2001:db8::4'),
];
const detect = (text: string, family: IpFamily = 4) =>
  detectAddress({
    detection: nodeIpDetect.parse(text),
    family,
    addresses: host,
    sourceTowards: (to) => (to === '203.0.113.1' ? parseIpAddress('198.51.100.4') : undefined),
  });

describe("a node's address", () => {
  test.each([
    ['first-found', 4, '192.0.2.10'],
    ['first-found', 6, '2001:db8::4'],
    ['can-reach=203.0.113.1', 4, '198.51.100.4'],
    ['can-reach=203.0.113.1', 6, undefined],
    ['can-reach=203.0.113.9', 4, undefined],
    ['interface=eth1', 4, '198.51.100.4'],
    ['interface=eth', 4, undefined],
    ['interface=eth.*', 4, '192.0.2.10'],
    ['cidr=172.16.0.0/12', 4, '172.17.0.1'],
    ['cidr=10.0.0.0/8', 4, undefined],
  ] as const)('%s, IPv%d: %s', (text, family, expected) => {
    expect(detect(text, family)).toBe(expected);
  });
});
