import { describe, expect, test } from '@jest/globals';
import {
  parseContainerList,
  parseEvent,
  parseNetwork,
  parseWishes,
} from '../../src/infrastructure/docker/engine-answers.js';

const NETWORK = 'a'.repeat(64);
const ENDPOINT = '1'.repeat(64);
const CONTAINER = 'c'.repeat(64);
const inspected = {
  Id: NETWORK,
  Name: 'web',
  Driver: 'corduroy:latest',
  IPAM: { Driver: 'corduroy:latest', Config: [{ Subnet: 'fd80::/64', Gateway: 'fd80::1/64' }, {}] },
  Internal: true,
  Options: null,
  Labels: null,
  Containers: { [`ep-${ENDPOINT}`]: { Name: 'web.1', EndpointID: ENDPOINT } },
};

describe('what the engine answers about a network', () => {
  test('names the container of an endpoint that is joining, whose id it does not tell yet', () => {
    expect([...parseNetwork(inspected).endpoints]).toEqual([[ENDPOINT, { containerName: 'web.1' }]]);
  });

  test('may have nulls, and gateways with a prefix length', () => {
    expect(parseNetwork(inspected)).toMatchObject({
      subnets: [{ cidr: 'fd80::/64', gateway: 'fd80::1' }],
      internal: true,
      scope: 'local',
      ipv4: true,
      options: {},
      ipamOptions: {},
      labels: {},
    });
    expect(parseNetwork({ ...inspected, Containers: null, IPAM: { Driver: 'x', Config: null } })).toMatchObject({
      endpoints: new Map(),
      subnets: [],
    });
  });

  test.each([
    ['an endpoint without id', { ...inspected, Containers: { x: { Name: 'a', EndpointID: '' } } }],
    ['an error', { message: 'no' }],
    ['nothing', undefined],
  ])('is refused whole if it is %s: half of it would look like an endpoint that is gone', (_, json) => {
    expect(() => parseNetwork(json)).toThrow();
  });
});

test('a container goes by its own name, not by those that links gave it', () => {
  const [container] = parseContainerList([
    { Id: CONTAINER, Names: ['/other/alias', '/web'], Image: 'i', State: 'running', Labels: null },
  ]);
  expect(container).toEqual({ id: CONTAINER, name: 'web', state: 'running', image: 'i', labels: {}, networks: [] });
});

describe('what a container was started with', () => {
  const inspectedContainer = {
    Config: { ExposedPorts: { '80/tcp': {}, '53/udp': {} } },
    HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] }, PublishAllPorts: false },
    NetworkSettings: {
      Networks: { web: { IPAMConfig: { LinkLocalIPs: ['169.254.7.7'] } }, db: { IPAMConfig: {} }, bridge: {} },
    },
  };

  test('are the ports to be published, and link-local addresses by network', () => {
    expect(parseWishes(inspectedContainer)).toEqual({
      published: ['80/tcp'],
      linkLocalAddresses: new Map([['web', ['169.254.7.7']]]),
    });
  });

  test('may be every exposed port, or nothing', () => {
    const all = { ...inspectedContainer, HostConfig: { PortBindings: null, PublishAllPorts: true } };
    expect(parseWishes(all).published).toEqual(['80/tcp', '53/udp']);
    const nothing = { Config: {}, HostConfig: {}, NetworkSettings: { Networks: null } };
    expect(parseWishes(nothing)).toEqual({ published: [], linkLocalAddresses: new Map() });
  });
});

describe('an event', () => {
  const network = (Action: string, type: string) => ({
    Type: 'network',
    Action,
    Actor: { ID: NETWORK, Attributes: { type, container: CONTAINER } },
  });
  const read = (json: unknown) => parseEvent(json, (driver) => driver === 'corduroy');

  test.each([
    ['connect', { kind: 'endpointJoined', networkId: NETWORK, containerId: CONTAINER }],
    ['disconnect', { kind: 'endpointLeft', networkId: NETWORK, containerId: CONTAINER }],
    ['create', { kind: 'networkCreated', networkId: NETWORK }],
    ['destroy', { kind: 'networkRemoved', networkId: NETWORK }],
  ])('%s of our network is read', (action, event) => {
    expect(read(network(action, 'corduroy'))).toEqual(event);
  });

  test.each([
    ["another driver's network", network('connect', 'bridge')],
    ['an image', { Type: 'image', Action: 'pull', Actor: { ID: 'x' } }],
    ['a line that is no event', 'x'],
    ['an absurd id', { ...network('create', 'corduroy'), Actor: { ID: '../x', Attributes: { type: 'corduroy' } } }],
  ])('of %s is not for us', (_, json) => {
    expect(read(json)).toBeUndefined();
  });
});
