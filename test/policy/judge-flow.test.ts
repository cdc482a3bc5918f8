import { expect, test } from '@jest/globals';
import { isFlowDenied } from '../../policy/judge-flow.js';
import type { TrackedFlow } from '../../src/effects/conntrack.js';
import { hostInterfaceOf } from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { aNetwork, anEndpoint, aProfile, engineOf, type World } from '../builders/policy-world.js';

const HOST = '192.0.2.1';
const published = [{ protocol: 'tcp' as const, containerPort: 80, hostPort: 8080 }];
const web = aNetwork('web', ['10.64.0.0/24']);
const closed = aProfile('web', { inbound: [] });

interface Side {
  readonly from: readonly [string, number];
  readonly to: readonly [string, number];
}

/** @param answered where the connection really went, if its destination was translated; who answers as what */
function aFlow({ from, to }: Side, answered: readonly [string, number] = to, answersTo = from): TrackedFlow {
  const tuple = (source: readonly [string, number], destination: readonly [string, number]) => ({
    source: parseIpAddress(source[0]),
    destination: parseIpAddress(destination[0]),
    sourcePort: source[1],
    destinationPort: destination[1],
  });
  return { family: 4, protocol: 6, original: tuple(from, to), reply: tuple(answered, answersTo) };
}

function denied(flow: TrackedFlow, world: World): boolean {
  const local = new Map(
    (world.endpoints ?? []).flatMap(({ id, addresses }) => addresses.map((one) => [one, hostInterfaceOf(id)] as const)),
  );
  return isFlowDenied(flow, engineOf({ networks: [web], ...world }).state(4), {
    hostInterfaceOf: (address) => local.get(address),
    isHosts: (address) => address === HOST,
  });
}

const OUTSIDE = ['203.0.113.7', 40_000] as const;
const translated = aFlow({ from: OUTSIDE, to: [HOST, 8080] }, ['10.64.0.2', 80]);
const direct = aFlow({ from: OUTSIDE, to: ['10.64.0.2', 80] });

test.each<[string, boolean, TrackedFlow, World]>([
  ['a connection to a published port goes on', false, translated, { endpoints: [anEndpoint(2, { published })] }],
  ['to a port that is published no more, it ends', true, translated, { endpoints: [anEndpoint(2)] }],
  ['past the translation, publishing opens nothing', true, direct, { endpoints: [anEndpoint(2, { published })] }],
  [
    'to a port that the container has, but not as published, it ends',
    true,
    aFlow({ from: OUTSIDE, to: [HOST, 8080] }, ['10.64.0.2', 81]),
    { endpoints: [anEndpoint(2, { published })] },
  ],
  [
    'from another container by the published port it goes on',
    false,
    aFlow({ from: ['10.64.0.3', 40_000], to: [HOST, 8080] }, ['10.64.0.2', 80]),
    { endpoints: [anEndpoint(2, { published }), anEndpoint(3)] },
  ],
  [
    'from the container itself by its own published port, answered as the host, it goes on',
    false,
    aFlow({ from: ['10.64.0.2', 40_000], to: [HOST, 8080] }, ['10.64.0.2', 80], [HOST, 40_000]),
    { endpoints: [anEndpoint(2, { published })] },
  ],
  [
    'a connection of the host is not ours to end',
    false,
    aFlow({ from: [HOST, 40_000], to: ['10.64.0.2', 80] }),
    { endpoints: [anEndpoint(2)] },
  ],
  [
    'a masqueraded connection is judged by who began it',
    false,
    aFlow({ from: ['10.64.0.2', 40_000], to: OUTSIDE }, OUTSIDE, [HOST, 40_000]),
    { endpoints: [anEndpoint(2)] },
  ],
])('%s: denied %p', (_, expected, flow, world) => {
  expect(denied(flow, { profiles: [closed], ...world })).toBe(expected);
});

test('a deny rule of the profile comes before the published port', () => {
  const strict = aProfile('web', { inbound: ['deny tcp from 203.0.113.0/24'] });
  expect(denied(translated, { profiles: [strict], endpoints: [anEndpoint(2, { published })] })).toBe(true);
});

test('an outbound rule ends a masqueraded connection', () => {
  const strict = aProfile('web', { outbound: ['deny tcp to 203.0.113.0/24', 'allow'] });
  const flow = aFlow({ from: ['10.64.0.2', 40_000], to: OUTSIDE }, OUTSIDE, [HOST, 40_000]);
  expect(denied(flow, { profiles: [strict], endpoints: [anEndpoint(2)] })).toBe(true);
});
