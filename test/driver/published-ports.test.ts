import { describe, expect, test } from '@jest/globals';
import { choosePorts, clashes, type TakenPort } from '../../driver/published-ports.js';
import type { IpFamily } from '../../src/model/ip-address.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import type { PortBinding } from '../../src/protocol/network-driver.js';

const ipv4 = new Set<IpFamily>([4]);
const both = new Set<IpFamily>([4, 6]);
const binding = (hostPort: number, more: Partial<PortBinding> = {}): PortBinding => ({
  protocol: 6,
  containerPort: 80,
  hostPort,
  hostPortEnd: hostPort,
  ...more,
});
const taken = (hostPort: number, more: Partial<TakenPort> = {}): TakenPort => ({
  protocol: 'tcp',
  hostPort,
  by: 'container db',
  ...more,
});
const ip = parseIpAddress;

describe('the host port', () => {
  test('is the one that was named, of each protocol', () => {
    const bindings = [binding(8080), binding(8080, { protocol: 17 }), binding(8080, { protocol: 132 })];
    expect(choosePorts(bindings, { families: ipv4, taken: [] })).toEqual([
      { protocol: 'tcp', containerPort: 80, hostPort: 8080 },
      { protocol: 'udp', containerPort: 80, hostPort: 8080 },
      { protocol: 'sctp', containerPort: 80, hostPort: 8080 },
    ]);
  });

  test('is the first free one from 49153 if none was named', () => {
    const bindings = [binding(0), binding(0, { containerPort: 81 })];
    const ports = choosePorts(bindings, { families: ipv4, taken: [taken(49_153)] });
    expect(ports.map(({ hostPort }) => hostPort)).toEqual([49_154, 49_155]);
  });

  test('is the first free one of a range', () => {
    const range = binding(8000, { hostPortEnd: 8002 });
    const ports = choosePorts([range, binding(8001, { containerPort: 81 })], { families: ipv4, taken: [taken(8000)] });
    expect(ports.map(({ containerPort, hostPort }) => [containerPort, hostPort])).toEqual([
      [80, 8002],
      [81, 8001],
    ]);
  });

  test('stays what it was when the ports are programmed again', () => {
    const previous = [{ protocol: 'tcp', containerPort: 80, hostPort: 50_000 }] as const;
    expect(choosePorts([binding(0)], { families: ipv4, taken: [], previous })).toEqual(previous);
    const [moved] = choosePorts([binding(0)], { families: ipv4, taken: [taken(50_000)], previous });
    expect(moved?.hostPort).toBe(49_153);
  });

  test('given twice is one', () => {
    expect(choosePorts([binding(8080), binding(8080)], { families: ipv4, taken: [] })).toHaveLength(1);
  });
});

describe('refused, with who has the port', () => {
  test('a port of another container', () => {
    expect(() => choosePorts([binding(8080)], { families: ipv4, taken: [taken(8080)] })).toThrow(
      'host port 8080/tcp is taken by container db: publish container port 80 on another host port',
    );
  });

  test('a range without a free port', () => {
    const full = [taken(8000), taken(8001)];
    expect(() => choosePorts([binding(8000, { hostPortEnd: 8001 })], { families: ipv4, taken: full })).toThrow(
      /host ports 8000-8001\/tcp are taken by container db/,
    );
  });

  test('two container ports on one host port', () => {
    const bindings = [binding(8080), binding(8080, { containerPort: 81 })];
    expect(() => choosePorts(bindings, { families: ipv4, taken: [] })).toThrow(
      /taken by container port 80\/tcp of the same container/,
    );
  });

  test('an address of a family that the container has not', () => {
    expect(() => choosePorts([binding(80, { hostIp: ip('::1') })], { families: ipv4, taken: [] })).toThrow(
      /cannot be published on host address ::1, as .* no IPv6 address on this network: publish it on an IPv4 address, or/,
    );
  });

  test('a protocol without ports', () => {
    expect(() => choosePorts([binding(80, { protocol: 1 })], { families: ipv4, taken: [] })).toThrow(/IP protocol 1/);
  });
});

test('two ports clash if a packet could be meant for either', () => {
  const on = (hostIp?: string) => taken(80, hostIp === undefined ? {} : { hostIp: ip(hostIp) });
  const cases: readonly (readonly [TakenPort, TakenPort, boolean])[] = [
    [on(), on(), true],
    [on(), on('192.0.2.1'), true],
    [on('0.0.0.0'), on('192.0.2.1'), true],
    [on('0.0.0.0'), on('::'), false],
    [on('::'), on('2001:db8::1'), true],
    [on('192.0.2.1'), on('192.0.2.2'), false],
    [on(), { ...on(), protocol: 'udp' }, false],
    [on(), { ...on(), hostPort: 81 }, false],
  ];
  for (const [one, other, expected] of cases) {
    expect([one, other, clashes(one, other)]).toEqual([one, other, expected]);
    expect(clashes(other, one)).toBe(expected);
  }
  const families = choosePorts([binding(80, { hostIp: ip('::') })], { families: both, taken: [on('0.0.0.0')] });
  expect(families).toHaveLength(1);
});
