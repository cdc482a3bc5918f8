import { describe, expect, test } from '@jest/globals';
import {
  parseReleaseAddress,
  parseReleasePool,
  parseRequestAddress,
  parseRequestPool,
} from '../../src/protocol/ipam-driver.js';
import {
  parseCreateEndpoint,
  parseCreateNetwork,
  parseJoin,
  parseProgramExternalConnectivity,
} from '../../src/protocol/parse-network-driver.js';

const NETWORK = 'a'.repeat(64);
const ENDPOINT = 'b'.repeat(64);
const ids = { networkId: NETWORK, endpointId: ENDPOINT };
const Ids = { NetworkID: NETWORK, EndpointID: ENDPOINT };

describe('CreateNetwork', () => {
  const ipv4 = { AddressSpace: 'CorduroyLocal', Pool: '10.64.0.0/24', Gateway: '10.64.0.1/24' };

  test('of 20.10, with IPv6 and auxiliary addresses', () => {
    const request = parseCreateNetwork({
      NetworkID: NETWORK,
      Options: {
        'com.docker.network.enable_ipv6': true,
        'com.docker.network.internal': true,
        'com.docker.network.generic': { mtu: '1400' },
      },
      IPv4Data: [{ ...ipv4, AuxAddresses: { router: '10.64.0.9/24' } }],
      IPv6Data: [{ AddressSpace: 'CorduroyLocal', Pool: 'fd80:c0de::/64', Gateway: 'FD80:C0DE::1/64' }],
    });
    expect(request).toEqual({
      networkId: NETWORK,
      internal: true,
      ipv6: true,
      options: { mtu: '1400' },
      subnets: [
        { addressSpace: 'CorduroyLocal', pool: '10.64.0.0/24', gateway: '10.64.0.1', auxAddresses: ['10.64.0.9'] },
        { addressSpace: 'CorduroyLocal', pool: 'fd80:c0de::/64', gateway: 'fd80:c0de::1', auxAddresses: [] },
      ],
    });
  });

  test('of 29, with IPv6 alone, fields that are not known yet, and no gateway', () => {
    const request = parseCreateNetwork({
      NetworkID: NETWORK,
      Options: {
        'com.docker.network.enable_ipv4': false,
        'com.docker.network.enable_ipv6': true,
        'com.docker.network.generic': null,
      },
      IPv4Data: null,
      IPv6Data: [{ AddressSpace: 'CorduroyLocal', Pool: 'fd80:c0de::/64', Novelty: [1] }],
      Novelty: {},
    });
    expect(request.subnets).toEqual([{ addressSpace: 'CorduroyLocal', pool: 'fd80:c0de::/64', auxAddresses: [] }]);
    expect(request.options).toEqual({});
  });

  test('the hint 0.0.0.0/0 is no gateway, and absent options are none', () => {
    const request = parseCreateNetwork({ NetworkID: NETWORK, IPv4Data: [{ ...ipv4, Gateway: '0.0.0.0/0' }] });
    expect(request).toMatchObject({ internal: false, ipv6: false, options: {} });
    expect(request.subnets[0]).not.toHaveProperty('gateway');
  });

  test('of a swarm network: an id of 25 letters and digits', () => {
    const id = 'z'.repeat(25);
    expect(parseCreateNetwork({ NetworkID: id, IPv4Data: [ipv4], IPv6Data: [] }).networkId).toBe(id);
  });
});

describe('CreateEndpoint', () => {
  test('with everything set, options of Docker’s of every type, and a MAC in both spellings', () => {
    const request = parseCreateEndpoint({
      ...Ids,
      Interface: { Address: '10.64.0.7/24', AddressIPv6: 'fd80:c0de::7/64', MacAddress: '02:42:AA:BB:CC:DD' },
      Options: {
        'com.docker.network.endpoint.exposedports': [{ Proto: 6, Port: 80 }],
        'com.docker.network.portmap': null,
        'com.docker.network.endpoint.macaddress': 'AkKqu8zd',
        'com.docker.network.endpoint.dnsservers': ['192.0.2.53'],
        'com.docker.network.endpoint.sysctls': 'net.ipv4.conf.IFNAME.log_martians=1',
        'corduroy.profiles': 'db',
      },
    });
    expect(request).toEqual({
      ...ids,
      interface: {
        address: { address: '10.64.0.7', length: 24 },
        address6: { address: 'fd80:c0de::7', length: 64 },
        mac: '02:42:aa:bb:cc:dd',
      },
      chosenMac: '02:42:aa:bb:cc:dd',
      options: {
        'com.docker.network.endpoint.sysctls': 'net.ipv4.conf.IFNAME.log_martians=1',
        'corduroy.profiles': 'db',
      },
    });
  });

  test.each([{ Interface: null, Options: null }, { Interface: {} }, {}])('with nothing: %j', (rest) => {
    const { interface: wanted, chosenMac, options } = parseCreateEndpoint({ ...Ids, ...rest });
    expect([wanted.address, wanted.address6, wanted.mac, chosenMac, options]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      {},
    ]);
  });

  test('an IPv6 address where an IPv4 one belongs is refused by the field’s name', () => {
    const body = { ...Ids, Interface: { Address: 'fd80:c0de::7/64' } };
    expect(() => parseCreateEndpoint(body)).toThrow(/field "Interface.Address": .* is not an IPv4 address/);
  });
});

test('Join needs the ids and the sandbox, whatever its options', () => {
  const options = { 'com.docker.network.generic': { ChildEndpoints: null, ParentEndpoints: null } };
  expect(parseJoin({ ...Ids, SandboxKey: '/var/run/docker/netns/1', Options: options })).toEqual({
    ...ids,
    sandboxKey: '/var/run/docker/netns/1',
  });
  expect(() => parseJoin(Ids)).toThrow(/field "SandboxKey"/);
});

test('ProgramExternalConnectivity: the port map, or none', () => {
  const portMap = [{ Proto: 17, IP: '', Port: 53, HostIP: '127.0.0.1', HostPort: 5353, HostPortEnd: 5354 }];
  expect(parseProgramExternalConnectivity({ ...Ids, Options: { 'com.docker.network.portmap': portMap } })).toEqual({
    ...ids,
    portMap: [{ protocol: 17, containerPort: 53, hostIp: '127.0.0.1', hostPort: 5353, hostPortEnd: 5354 }],
  });
  expect(parseProgramExternalConnectivity({ ...Ids, Options: null }).portMap).toEqual([]);
});

describe('IPAM', () => {
  test('RequestPool: any, or one with a range; 28 and later ask for a size', () => {
    const any = { AddressSpace: 'CorduroyLocal', Pool: '', SubPool: '', Options: null, V6: false };
    expect(parseRequestPool(any)).toMatchObject({ pool: undefined, subPool: undefined, options: {}, v6: false });
    const one = { ...any, Pool: '10.64.0.0/24', SubPool: '10.64.0.128/25', Options: { pool: 'p' } };
    expect(parseRequestPool(one)).toMatchObject({ pool: '10.64.0.0/24', subPool: '10.64.0.128/25' });
    expect(parseRequestPool({ ...any, Pool: '::/64', V6: true }).pool).toBe('::/64');
  });

  test('RequestAddress: a gateway, a container’s without and with its name', () => {
    const poolId = 'p';
    const gateway = { PoolID: 'p', Address: '', Options: { RequestAddressType: 'com.docker.network.gateway' } };
    expect(parseRequestAddress(gateway)).toEqual({ poolId, address: undefined, purpose: 'gateway' });
    const plain = { PoolID: 'p', Address: '10.64.0.7', Options: null };
    expect(parseRequestAddress(plain)).toEqual({ poolId, address: '10.64.0.7', purpose: 'any' });
    const named = { PoolID: 'p', Options: { 'com.docker.network.endpoint.name': 'web' } };
    expect(parseRequestAddress(named)).toEqual({ poolId, address: undefined, purpose: 'any', endpointName: 'web' });
  });

  test('releases: any pool id, also an empty one; an address without mask', () => {
    expect(parseReleasePool({ PoolID: '' })).toEqual({ poolId: '' });
    expect(parseReleaseAddress({ PoolID: 'p', Address: '0.0.0.0' })).toEqual({ poolId: 'p', address: '0.0.0.0' });
    expect(() => parseReleaseAddress({ PoolID: 'p', Address: '10.64.0.7/24' })).toThrow(/field "Address"/);
  });
});
