import fc from 'fast-check';
import type { ClusterChange } from '../../src/effects/cluster-view.js';
import { cidrKey, parseCidr } from '../../src/model/cidr.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { EndpointRecord } from '../../src/model/endpoint.js';
import {
  parseDockerNetworkId,
  parseEndpointId,
  parseNetworkName,
  parseNodeName,
  parseProfileName,
  parseTagName,
} from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { parseMacAddress } from '../../src/model/mac-address.js';
import { type Network, NetworkRecord, type NodeNetwork, NodeNetworkRecord } from '../../src/model/network.js';
import { type Node, NodeRecord } from '../../src/model/node.js';
import { type Pool, PoolRecord } from '../../src/model/pool.js';
import { type Profile, ProfileRecord } from '../../src/model/profile.js';
import { parseSelectorText, type SelectorText } from '../../src/model/selector.js';
import { rules } from './rules.js';
import { type LabelSet, labelSets } from './selectors.js';

/** Makers of a small world in which random records meet: few names, few addresses, few ports. */
export const THIS_NODE = parseNodeName('here');
const NODES = [THIS_NODE, parseNodeName('there')];
const PROFILES = ['a', 'b', 'c'].map(parseProfileName);
export const TAGS = ['a', 'b', 'c', 'x'].map(parseTagName);
const NETWORKS = ['a', 'net-b'].map(parseNetworkName);
const SUBNETS = { 4: ['10.64.0.0/29', '10.64.0.8/29', '172.18.0.0/16'], 6: ['fd80::/125', 'fd81::/64'] } as const;
export const PORTS = [22, 53, 80, 443, 8080];

/** Selectors that ask for each label once, with what they mean. */
export const SELECTORS: ReadonlyMap<SelectorText, (labels: LabelSet) => boolean> = new Map(
  (
    [
      ['a == "x"', ({ a }) => a === 'x'],
      ['!has(b)', ({ b }) => b === undefined],
      ['a != "x" && b in {"x", "yx"}', ({ a, b }) => a !== 'x' && (b === 'x' || b === 'yx')],
      ['all()', () => true],
    ] as const satisfies readonly (readonly [string, (labels: LabelSet) => boolean])[]
  ).map(([text, holds]) => [parseSelectorText(text), holds]),
);

const subset = <T>(values: readonly T[]) => fc.subarray([...values]);

export const profiles = (name: Profile['name']): fc.Arbitrary<Profile> => {
  const list = fc.array(
    rules({
      tags: TAGS,
      ports: fc.constantFrom(...PORTS),
      selectors: [...SELECTORS.keys()],
      sets: false,
      cidrs: (family) => fc.constantFrom(...SUBNETS[family], family === 4 ? '0.0.0.0/0' : '::/0'),
    }),
    { maxLength: 4 },
  );
  return fc.record({
    name: fc.constant(name),
    tags: subset(TAGS),
    inbound: list,
    outbound: list,
    mode: fc.oneof({ weight: 3, arbitrary: fc.constant('enforce' as const) }, fc.constant('audit' as const)),
  });
};

export const networks = (name: Network['name']): fc.Arbitrary<Network> =>
  fc.record({
    name: fc.constant(name),
    subnets: subset([...SUBNETS[4], ...SUBNETS[6]]).map((list) => list.map((cidr) => ({ cidr: parseCidr(cidr) }))),
    ipam: fc.constantFrom('corduroy' as const, 'docker' as const),
    internal: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)),
    options: fc.record({
      profiles: subset(PROFILES),
      natOutgoing: fc.constantFrom(undefined, true, false),
      publish: fc.constantFrom('allow' as const, 'policy' as const),
    }),
  });

const dockerId = (network: number) => parseDockerNetworkId(String(network + 1).repeat(64));
/** The first twelve endpoints share their interface's first digits, so that dispatch chains split. */
export const endpointId = (n: number) => parseEndpointId(`ab${n.toString(16).padStart(2, '0')}`.padEnd(64, 'c'));
export const addressOf = (n: number, family: 4 | 6) =>
  parseIpAddress(family === 4 ? `10.64.0.${n + 1}` : `fd80::${(n + 1).toString(16)}`);
export const macOf = (n: number) => parseMacAddress(`02:00:00:00:00:${(n + 16).toString(16)}`);

export const endpoints = (n: number): fc.Arbitrary<Endpoint> =>
  fc.record({
    id: fc.constant(endpointId(n)),
    node: fc.constantFrom(THIS_NODE, THIS_NODE, THIS_NODE, NODES[1] as Endpoint['node']),
    dockerNetworkId: fc.constantFrom(dockerId(0), dockerId(1)),
    mac: fc.constant(macOf(n)),
    addresses: fc.constantFrom([addressOf(n, 4)], [addressOf(n, 4), addressOf(n, 6)]),
    profiles: fc.option(subset(PROFILES), { nil: undefined }),
    containerProfiles: fc.option(subset(PROFILES), { nil: undefined }),
    tags: subset(TAGS.slice(2)),
    labels: labelSets,
    container: fc.constantFrom(undefined, { id: 'c', name: 'c' }),
    published: fc.subarray([
      { protocol: 'tcp' as const, containerPort: 80, hostPort: 8080 },
      { protocol: 'udp' as const, containerPort: 53, hostPort: 8080, hostIp: parseIpAddress('192.0.2.1') },
      { protocol: 'tcp' as const, containerPort: 22, hostPort: 30_000 + n, hostIp: parseIpAddress('127.0.0.1') },
    ]),
    createdAt: fc.constant('2026-01-01T00:00:00Z'),
  });

const nodeRecord = (name: Node['name']): fc.Arbitrary<Node> =>
  fc.record({
    name: fc.constant(name),
    ip: fc.constantFrom(undefined, parseIpAddress('192.0.2.1'), parseIpAddress('192.0.2.2')),
    labels: fc.constant({}),
    version: fc.constant('1'),
    startedAt: fc.constant('2026-01-01T00:00:00Z'),
  });

const pools = (cidr: string): fc.Arbitrary<Pool> =>
  fc.record({
    cidr: fc.constant(parseCidr(cidr)),
    name: fc.constant(cidr),
    blockSize: fc.constant(26),
    networkPrefix: fc.constant(24),
    encapsulation: fc.constant({ kind: 'none' as const }),
    natOutgoing: fc.boolean(),
    disabled: fc.constant(false),
  });

const nodeNetworks = (node: Node['name'], network: number): fc.Arbitrary<NodeNetwork> =>
  fc.record({
    node: fc.constant(node),
    dockerNetworkId: fc.constant(dockerId(network)),
    network: fc.constantFrom(...NETWORKS),
    provisional: fc.constant(false),
    linkLocalGateway: fc.constant(parseIpAddress('169.254.1.1')),
  });

/** One record at a time as it was written, one after another; undefined: deleted. The last is what holds. */
export type History = {
  readonly kind: ClusterChange['kind'];
  readonly key: string;
  readonly values: readonly unknown[];
};

const history = <T>(kind: ClusterChange['kind'], key: string, value: fc.Arbitrary<T>): fc.Arbitrary<History> =>
  fc
    .array(fc.option(value, { nil: undefined, freq: 5 }), { minLength: 1, maxLength: 3 })
    .map((values) => ({ kind, key, values }));

/** Histories of every record of the small world. @param size number of endpoints */
export const clusterHistories = (size = 12): fc.Arbitrary<readonly History[]> =>
  fc.tuple(
    ...NODES.map((name) => history('node', NodeRecord.key(name), nodeRecord(name))),
    ...['10.64.0.0/24', 'fd80::/64'].map((cidr) =>
      history('pool', PoolRecord.key(cidrKey(parseCidr(cidr))), pools(cidr)),
    ),
    ...NETWORKS.map((name) => history('network', NetworkRecord.key(name), networks(name))),
    ...NODES.flatMap((node) =>
      NETWORKS.map((_, n) => history('nodeNetwork', NodeNetworkRecord.key(node, dockerId(n)), nodeNetworks(node, n))),
    ),
    ...PROFILES.map((name) => history('profile', ProfileRecord.key(name), profiles(name))),
    ...Array.from({ length: size }, (_, n) =>
      history('endpoint', EndpointRecord.key(THIS_NODE, endpointId(n)), endpoints(n)),
    ),
  );

/** The changes of all histories, each in its own order, mixed by `choices`. */
export function mixChanges(histories: readonly History[], choices: readonly number[]): readonly ClusterChange[] {
  const left = histories.map((one) => ({ ...one, next: 0 }));
  const changes: ClusterChange[] = [];
  for (let step = 0; left.length > 0; step++) {
    const place = (choices[step % choices.length] ?? 0) % left.length;
    const one = left[place] as (typeof left)[number];
    const before = one.next === 0 ? undefined : one.values[one.next - 1];
    const after = one.values[one.next++];
    if (before !== undefined || after !== undefined) {
      changes.push({ kind: one.kind, key: one.key, before, after } as ClusterChange);
    }
    if (one.next === one.values.length) left.splice(place, 1);
  }
  return changes;
}

/** Only what holds in the end. */
export const finalChanges = (histories: readonly History[]): readonly ClusterChange[] =>
  mixChanges(
    histories.map((one) => ({ ...one, values: one.values.slice(-1) })),
    [0],
  );
