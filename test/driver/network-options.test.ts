import { describe, expect, test } from '@jest/globals';
import { parseNetworkOptions } from '../../driver/network-options.js';
import { InvalidRequestError } from '../../src/model/errors.js';

const parse = (options: Record<string, string>, ipv6 = false) => parseNetworkOptions(options, { ipv6 });

test('without options a network has none of its own, and opens what is published', () => {
  expect(parse({})).toEqual({ profiles: [], publish: 'allow' });
});

test('every option is read', () => {
  expect(parse({ profiles: 'web, db,web', mtu: '1400', 'nat-outgoing': 'false', publish: 'policy' })).toEqual({
    profiles: ['web', 'db'],
    mtu: 1_400,
    natOutgoing: false,
    publish: 'policy',
  });
});

test('Docker’s own word for the MTU means the same, alone or in agreement', () => {
  expect(parse({ 'com.docker.network.driver.mtu': '1400' }).mtu).toBe(1_400);
  expect(parse({ 'com.docker.network.driver.mtu': '1400', mtu: '1400' }).mtu).toBe(1_400);
});

test('what the engine itself acts on passes', () => {
  expect(parse({ 'com.docker.network.advertise_addr_nmsgs': '3' })).toEqual({ profiles: [], publish: 'allow' });
  expect(parse({ 'com.docker.network.enable_ipv6': 'true' }, true)).toEqual({ profiles: [], publish: 'allow' });
  expect(parse({ 'com.docker.network.enable_ipv4': 'true' })).toEqual({ profiles: [], publish: 'allow' });
});

describe('refused, with the option in the message', () => {
  const cases: readonly (readonly [Record<string, string>, RegExp])[] = [
    [{ parent: 'eth0' }, /option "parent" is unknown: with -o there are profiles, mtu, nat-outgoing, publish/],
    [{ 'com.docker.network.bridge.name': 'br0' }, /option "com.docker.network.bridge.name" is unknown/],
    [{ 'bandwidth-in': '10mbit' }, /"bandwidth-in" is not supported yet/],
    [{ 'bandwidth-out': '10mbit' }, /"bandwidth-out" is not supported yet/],
    [{ 'com.docker.network.enable_ipv6': 'true' }, /use the flag --ipv6/],
    [{ mtu: '67' }, /"mtu" is "67": write a number of bytes from 68 to 65535/],
    [{ mtu: '65536' }, /"mtu"/],
    [{ mtu: '1e3' }, /"mtu"/],
    [{ mtu: '' }, /"mtu"/],
    [{ mtu: '1400', 'com.docker.network.driver.mtu': '1500' }, /contradict/],
    [{ 'nat-outgoing': 'yes' }, /"nat-outgoing" is "yes": write true or false/],
    [{ publish: 'deny' }, /"publish" is "deny"/],
    [{ profiles: '' }, /"profiles"/],
    [{ profiles: 'a,,b' }, /"profiles"/],
    [{ profiles: 'a b' }, /"a b" is not a profile name/],
  ];
  test.each(cases)('%j', (options, message) => {
    expect(() => parse(options)).toThrow(message);
    expect(() => parse(options)).toThrow(InvalidRequestError);
  });

  test('an MTU below what IPv6 works over, with --ipv6', () => {
    expect(() => parse({ mtu: '1279' }, true)).toThrow(/from 1280 to 65535, as the network has IPv6/);
    expect(parse({ mtu: '1280' }, true).mtu).toBe(1_280);
  });
});
