import { describe, expect, test } from '@jest/globals';
import { parseAsNumber } from '../../src/model/as-number.js';
import { BgpPeerRecord, bgpPeerKey, parseBgpPassword } from '../../src/model/bgp-peer.js';
import { parseNodeName } from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { NodeRecord, parseRouteReflectorClusterId } from '../../src/model/node.js';

test.each([
  ['1', 1],
  ['64512', 64_512],
  ['4294967295', 4_294_967_295],
  ['0.1', 1],
  ['1.10', 65_546],
  ['65535.65535', 4_294_967_295],
])('AS number %s', (text, value) => {
  expect(parseAsNumber(text)).toBe(value);
});

test.each(['0', '0.0', '4294967296', '1.65536', '65536.1', '-1', '1e3', '', '1.', '.1', 'AS1', '1.2.3'])(
  '%j is no AS number',
  (text) => {
    expect(() => parseAsNumber(text)).toThrow(/is not an AS number: write 1 to 4294967295/);
  },
);

describe('passwords', () => {
  test.each(['secret', 'with space', '\\n is two characters', "it's", 'x'.repeat(80)])('%j', (text) => {
    expect(parseBgpPassword(text)).toBe(text);
  });

  test.each(['', 'x'.repeat(81), 'quo"te', 'new\nline', 'ümlaut'])('%j is refused without being repeated', (text) => {
    expect(() => parseBgpPassword(text)).toThrow(
      /^the password cannot be used for BGP: take 1 to 80 printable ASCII characters other than the quotation mark$/,
    );
  });
});

test('a peer of all nodes and one of a single node are two records, whatever the node is called', () => {
  const address = parseIpAddress('fd99:0:0::1');
  const keys = [undefined, parseNodeName('global'), parseNodeName('alpha')].map((node) =>
    bgpPeerKey({ address, node }),
  );
  expect(keys).toEqual([
    '/corduroy/v1/bgppeer/fd99::1',
    '/corduroy/v1/bgppeer/global/fd99::1',
    '/corduroy/v1/bgppeer/alpha/fd99::1',
  ]);
});

test('a stored peer whose password cannot be used is told of without it', () => {
  const text = JSON.stringify({
    apiVersion: 'corduroy/v1',
    kind: 'BgpPeer',
    address: '10.0.0.1',
    asNumber: 64_600,
    password: 'hunter2"',
    passive: false,
    bfd: false,
  });
  expect(() => BgpPeerRecord.decode('/corduroy/v1/bgppeer/10.0.0.1', text)).toThrow(
    /^(?!.*hunter2).*field "password": the password cannot be used/,
  );
});

test.each(['0.0.0.0', '1', '1.2.3', 'fd99::1', '244.0.0.256'])('%j is no cluster id', (text) => {
  expect(() => parseRouteReflectorClusterId(text)).toThrow(/is not a route reflector cluster id/);
});

test('a node keeps its cluster id in its record', () => {
  const node = {
    name: parseNodeName('alpha'),
    labels: {},
    version: '1',
    startedAt: '',
    routeReflectorClusterId: parseRouteReflectorClusterId('244.0.0.1'),
  };
  expect(NodeRecord.decode('k', NodeRecord.encode(node))).toEqual(node);
});
