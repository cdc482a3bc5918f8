import { describe, expect, test } from '@jest/globals';
import { DockerEngineNetworks, requestOf } from '../../src/infrastructure/docker/docker-engine-networks.js';
import { refusalOf } from '../../src/infrastructure/docker/engine-orders.js';
import { parseCidr } from '../../src/model/cidr.js';
import { ConflictError, DockerUnavailableError, InvalidRequestError, NotFoundError } from '../../src/model/errors.js';
import { parseDockerNetworkId } from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { aNetworkPlan } from '../builders/docker.js';

const web = aNetworkPlan('web');

test('a network is asked for with both of our drivers, and in the words of the API', () => {
  const subnets = [
    {
      cidr: parseCidr('10.65.0.0/24'),
      gateway: parseIpAddress('10.65.0.1'),
      range: parseCidr('10.65.0.128/25'),
      auxiliary: { nas: parseIpAddress('10.65.0.9') },
    },
    { cidr: parseCidr('10.66.0.0/24'), auxiliary: {} },
  ];
  expect(requestOf({ ...web, subnets, options: { mtu: '1340' }, ipamOptions: { pool: 'main' } }, 'corduroy')).toEqual({
    Name: 'web',
    CheckDuplicate: true,
    Driver: 'corduroy',
    EnableIPv6: false,
    Internal: false,
    Attachable: false,
    Options: { mtu: '1340' },
    Labels: {},
    IPAM: {
      Driver: 'corduroy',
      Options: { pool: 'main' },
      Config: [
        {
          Subnet: '10.65.0.0/24',
          Gateway: '10.65.0.1',
          IPRange: '10.65.0.128/25',
          AuxiliaryAddresses: { nas: '10.65.0.9' },
        },
        { Subnet: '10.66.0.0/24' },
      ],
    },
  });
});

describe("what Docker refuses keeps Docker's words", () => {
  test.each<[number, string, new (...args: never[]) => Error, string]>([
    [404, 'network x not found', NotFoundError, 'it was not made: Docker says: network x not found'],
    [409, 'network with name web already exists', ConflictError, 'already exists; choose another name'],
    [403, 'network web has active endpoints', ConflictError, 'active endpoints; disconnect or remove'],
    [
      500,
      "rpc error: The swarm does not have a leader. It's possible that too few managers are online.",
      InvalidRequestError,
      'too few managers are online; wait until it has one, see "docker node ls", and try again',
    ],
    [403, 'network x is in use by service y', ConflictError, 'in use by service y; remove the service first'],
    [500, 'pool x is disabled; enable it', InvalidRequestError, 'Docker says: pool x is disabled; enable it'],
  ])('%i %s', (statusCode, message, kind, expected) => {
    const error = refusalOf(Object.assign(new Error('HTTP'), { statusCode, json: { message } }), 'it was not made');
    expect(error).toBeInstanceOf(kind);
    expect(error.message).toContain(expected);
  });
});

test('an engine that is not there is told as such', async () => {
  const networks = new DockerEngineNetworks({
    socketPath: '/nonexistent/docker.sock',
    driver: () => Promise.resolve('corduroy'),
  });
  await expect(networks.create(web)).rejects.toThrow(DockerUnavailableError);
  await expect(networks.remove(parseDockerNetworkId('a'.repeat(64)))).rejects.toThrow(
    'network aaaaaaaaaaaa was not removed: Docker does not answer',
  );
});
