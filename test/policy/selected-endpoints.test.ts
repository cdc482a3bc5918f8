import { expect, test } from '@jest/globals';
import { judgePacket } from '../../policy/judge-packet.js';
import { isSelected } from '../../policy/selected-endpoints.js';
import { SelectionIndex } from '../../policy/selection-index.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { hostInterfaceOf, parseProfileName } from '../../src/model/ids.js';
import { type IpAddress, parseIpAddress } from '../../src/model/ip-address.js';
import type { Packet } from '../../src/model/packet.js';
import { parseSelector, parseSelectorText } from '../../src/model/selector.js';
import { aNetwork, anEndpoint, aProfile, engineOf } from '../builders/policy-world.js';

const known = { id: 'c', name: 'front' };

test.each<[string, string, Endpoint['labels'], Endpoint['container'], boolean | undefined]>([
  ['a label of a container that is known', 'role == "db"', { role: 'db' }, known, true],
  ['no such label of a container that is known', 'role != "db"', {}, known, true],
  [
    'a label of the endpoint itself, which its container cannot change',
    'role == "db"',
    { role: 'db' },
    undefined,
    true,
  ],
  ['a label that the container may have', 'role == "db"', {}, undefined, undefined],
  ['a label that the container may lack', '!has(role)', {}, undefined, undefined],
  [
    'a name that Docker will tell, whatever was chosen',
    'docker/name == "x"',
    { 'docker/name': 'x' },
    undefined,
    undefined,
  ],
  ['a name that Docker has told', 'docker/name == "x"', { 'docker/name': 'x' }, known, true],
  ['every endpoint', 'all()', {}, undefined, true],
])('%s', (_, selector, labels, container, expected) => {
  expect(isSelected(parseSelector(selector), anEndpoint(2, { labels, container }))).toBe(expected);
});

test('an address that two endpoints claim stays selected until both have gone', () => {
  const index = new SelectionIndex();
  const one = anEndpoint(2, { labels: { role: 'db' } });
  const other = { ...anEndpoint(3, { labels: { role: 'db' } }), addresses: one.addresses };
  const selection = { selector: parseSelectorText('role == "db"'), reading: 'sure' as const };
  expect([...index.add(selection, [one])]).toEqual(one.addresses);
  expect(index.move(undefined, other)).toEqual({ added: [], removed: [], mayCut: false });
  expect(index.move(one, undefined).removed).toEqual([]);
  expect(index.move(other, undefined).removed).toEqual(one.addresses.map((address) => [selection, address]));
});

const receiver = anEndpoint(5, { profiles: ['first', 'second'].map(parseProfileName), container: known });
const SENDERS = {
  db: anEndpoint(2, { labels: { role: 'db' }, container: known }),
  web: anEndpoint(3, { labels: { role: 'web' }, container: known }),
  unknown: anEndpoint(4),
};

/** Who reaches the receiver by the rules of its first profile, and then of its second. */
function admitted(first: readonly string[], second: readonly string[]): readonly string[] {
  const engine = engineOf({
    networks: [aNetwork('web', ['10.64.0.0/24'])],
    profiles: [aProfile('web', {}), aProfile('first', { inbound: first }), aProfile('second', { inbound: second })],
    endpoints: [receiver, ...Object.values(SENDERS)],
  });
  return Object.entries({ ...SENDERS, outside: undefined }).flatMap(([name, endpoint]) => {
    const packet: Packet = {
      family: 4,
      protocol: 6,
      tcpSyn: true,
      destinationPort: 80,
      conntrack: 'NEW',
      source: endpoint?.addresses[0] ?? parseIpAddress('192.0.2.9'),
      destination: receiver.addresses[0] as IpAddress,
      inInterface: endpoint === undefined ? 'eth0' : hostInterfaceOf(endpoint.id),
      outInterface: hostInterfaceOf(receiver.id),
      sourceMac: endpoint?.mac,
    };
    return judgePacket(engine.state(4), packet).allowed ? [name] : [];
  });
}

const DB = `selector 'role == "db"'`;

test.each<[string, readonly string[], readonly string[], readonly string[]]>([
  ['allow is for those who surely fit', [`allow from ${DB}`], [], ['db']],
  ['allow by negation is for those who surely do not fit', [`allow from not ${DB}`], [], ['web', 'outside']],
  ['allow by the other negation is for endpoints only', ['allow from selector \'role != "db"\''], [], ['web']],
  ['deny is for those who may fit', [`deny from ${DB}`, 'allow'], [], ['web', 'outside']],
  ['deny by negation is for those who may not fit', [`deny from not ${DB}`, 'allow'], [], ['db']],
  [
    'deny by the other negation spares what is no endpoint',
    ['deny from selector \'role != "db"\'', 'allow'],
    [],
    ['db', 'outside'],
  ],
  ['pass sends those who surely fit to the next profile', [`pass from ${DB}`, 'deny'], ['allow'], ['db']],
  [
    'pass denies those who may fit, where what follows allows',
    [`pass from ${DB}`, 'allow'],
    ['deny'],
    ['web', 'outside'],
  ],
  ['pass by negation', [`pass from not ${DB}`, 'deny'], ['allow'], ['web', 'outside']],
  ['log decides nothing', [`log from ${DB}`, 'allow'], [], ['db', 'web', 'unknown', 'outside']],
  ['both ends must fit', [`allow from ${DB} to not ${DB}`], [], ['db']],
])('%s', (_, first, second, expected) => {
  expect(admitted(first, second)).toEqual(expected);
});
