import { describe, expect, test } from '@jest/globals';
import { type BgpTopology, bgpSessions } from '../../../routing/bgp/bgp-sessions.js';
import { parseNodeName } from '../../../src/model/ids.js';
import { parseIpAddress } from '../../../src/model/ip-address.js';
import { aNode, aPeer, aReflector, aTopology } from '../../builders/bgp-cases.js';

const meshOff = { settings: { mesh: false, defaultAsNumber: 64_512 } };
/** `mesh h2 10.99.0.12` for each session. */
const shown = (topology: BgpTopology) =>
  bgpSessions(topology).map(({ type, peer, remote, clusterId }) =>
    [type, peer, remote.address, ...(clusterId === undefined ? [] : [`as ${clusterId}`])].join(' '),
  );

describe('between nodes', () => {
  test('every node speaks to every other one, and not to itself', () => {
    expect(shown(aTopology([aNode(2), aNode(1), aNode(3)]))).toEqual(['mesh h1 10.99.0.11', 'mesh h3 10.99.0.13']);
  });

  test('nobody speaks to anybody while the mesh is off', () => {
    expect(shown(aTopology([aNode(1), aNode(2)], meshOff))).toEqual([]);
  });

  test('each family has a session of its own, where both have an address', () => {
    const both = { ip6: parseIpAddress('fd99::1') };
    const [one, two, three] = [aNode(1, both), aNode(2, { ip6: parseIpAddress('fd99::2') }), aNode(3)] as const;
    expect(shown(aTopology([one, two, three]))).toEqual([
      'mesh h2 10.99.0.12',
      'mesh h3 10.99.0.13',
      'mesh h2 fd99::2',
    ]);
    expect(shown(aTopology([three, one, two]))).toEqual(['mesh h1 10.99.0.11', 'mesh h2 10.99.0.12']);
  });

  test('an AS number of its own, or the default, on both ends', () => {
    const [session] = bgpSessions(
      aTopology([aNode(1, { asNumber: 65_001 }), aNode(2)], { settings: { mesh: true, defaultAsNumber: 65_002 } }),
    );
    expect(session).toMatchObject({ local: { asNumber: 65_001 }, remote: { asNumber: 65_002 } });
  });
});

describe('with route reflectors', () => {
  test('the mesh leaves them out; every node speaks to all of them', () => {
    const nodes = [aNode(3), aReflector(1), aReflector(2), aNode(4)] as const;
    expect(shown(aTopology([...nodes]))).toEqual([
      'reflector h1 10.99.0.11',
      'reflector h2 10.99.0.12',
      'mesh h4 10.99.0.14',
    ]);
    expect(shown(aTopology([...nodes], meshOff))).toEqual(['reflector h1 10.99.0.11', 'reflector h2 10.99.0.12']);
  });

  test('a reflector passes routes on to every node, and to other reflectors', () => {
    expect(shown(aTopology([aReflector(1), aReflector(2), aReflector(3, '244.0.0.2'), aNode(4)], meshOff))).toEqual([
      'reflector h2 10.99.0.12 as 244.0.0.1',
      'reflector h3 10.99.0.13 as 244.0.0.1',
      'reflector h4 10.99.0.14 as 244.0.0.1',
    ]);
  });

  test('to another AS nothing is reflected: there routes pass anyway', () => {
    expect(shown(aTopology([aReflector(1), aNode(2, { asNumber: 65_010 })]))).toEqual(['reflector h2 10.99.0.12']);
  });
});

describe('with peers', () => {
  test('one of all nodes, and those of this node', () => {
    const peers = [
      aPeer('192.0.2.3', { node: parseNodeName('h2') }),
      aPeer('192.0.2.2', { node: parseNodeName('h1') }),
      aPeer('192.0.2.1'),
    ];
    expect(shown(aTopology([aNode(1)], { peers }))).toEqual(['global 192.0.2.1 192.0.2.1', 'node 192.0.2.2 192.0.2.2']);
  });

  test('the most particular reason decides about an address', () => {
    const address = '10.99.0.12';
    const ofNode = aPeer(address, { node: parseNodeName('h1'), asNumber: 3 });
    const ofAll = aPeer(address, { asNumber: 2 });
    const one = (peers: readonly ReturnType<typeof aPeer>[]) =>
      bgpSessions(aTopology([aNode(1), aNode(2)], { peers })).map(({ type, remote }) => `${type} ${remote.asNumber}`);
    expect(one([])).toEqual(['mesh 64512']);
    expect(one([ofAll])).toEqual(['global 2']);
    expect(one([ofNode, ofAll])).toEqual(['node 3']);
  });

  test('a peer that is this node itself, or of a family that the node lacks, is left out', () => {
    expect(shown(aTopology([aNode(1)], { peers: [aPeer('10.99.0.11'), aPeer('fd99::7')] }))).toEqual([]);
  });
});
