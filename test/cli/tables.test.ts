import { describe, expect, test } from '@jest/globals';
import { formatTable } from '../../src/cli/table.js';
import { useCommandLine } from '../builders/command-line.js';

const { cord, printed } = useCommandLine();

describe('tables', () => {
  test('pool list', async () => {
    expect(await printed('pool list')).toBe(
      'CIDR          NAME  BLOCK  NETWORK  NAT-OUTGOING  DISABLED\n10.64.0.0/12  main  /26    /24      yes           no\n',
    );
  });

  test('pools that are for some nodes', async () => {
    await printed(`pool add 10.80.0.0/16 --node-selector "rack=='1'"`);
    expect(await printed('pool show 10.80.0.0/16')).toContain('NODE-SELECTOR:  rack == "1"\n');
    await printed('pool set 10.80.0.0/16 --node-selector all()');
    expect(await printed('pool show 10.80.0.0/16')).toMatch(/NODE-SELECTOR: +-\n/);
    expect(await cord('pool set 10.80.0.0/16 --node-selector rack')).toMatchObject({
      code: 1,
      err: expect.stringContaining(
        `error: nodeSelector: in the selector "rack", at column 5: found its end, expected "==", "!=", "in", "not in", "contains", "starts with" or "ends with"\n  try: write LABEL == 'V',`,
      ),
    });
  });

  test('network list', async () => {
    expect(await printed('network list')).toBe(
      'NAME  SUBNETS       PROFILES  NODES  ENDPOINTS  DOCKER-ID\nweb   10.64.0.0/24  web       alpha  2          nnnnnnnnnnnn\n',
    );
  });

  test('endpoint list, wide', async () => {
    expect(await printed('endpoint list -o wide --network web')).toBe(
      [
        'ENDPOINT      CONTAINER  NETWORK  ADDRESSES  PROFILES  NODE   ATTACHED  INTERFACE        MAC                PUBLISHED',
        'bbbbbbbbbbbb  back       web      10.64.0.3  web       alpha  no        cordbbbbbbbbbbb  02:00:00:00:00:01  *:8080->80/tcp',
        'aaaaaaaaaaaa  front      web      10.64.0.2  web       alpha  yes       cordaaaaaaaaaaa  02:00:00:00:00:01  *:8080->80/tcp',
        '',
      ].join('\n'),
    );
  });

  test('container show', async () => {
    expect(await printed('container show front')).toBe(
      [
        `Endpoint:   ${'a'.repeat(64)}`,
        'Container:  front (aaaaaaaaaaaa)',
        'Node:       alpha',
        'Network:    web',
        'Addresses:  10.64.0.2',
        'MAC:        02:00:00:00:00:01',
        'Interface:  cordaaaaaaaaaaa',
        'Attached:   yes',
        "Profiles:   web (its network's)",
        'Tags:       web',
        'Labels:     tier=front',
        'Published:  *:8080->80/tcp',
        'Created:    2026-01-01T00:00:00.000Z',
        '',
      ].join('\n'),
    );
  });

  test('ipam configure, and what is configured', async () => {
    expect(await printed('ipam configure --strict-affinity --max-blocks-per-host 4')).toBe(
      'strict affinity is on, at most 4 blocks of a subnet for each node\n',
    );
    expect(await printed('ipam configure --strict-affinity false --max-blocks-per-host none')).toContain(
      'is off, no limit',
    );
    expect(await printed('ipam show --configuration')).toMatch(/Strict affinity: +false\nMax blocks per host: +none\n/);
  });

  test('ipam show, of an address and of all', async () => {
    expect(await printed('ipam show 10.64.0.2')).toMatch(
      /^Address: {4}10.64.0.2\nState: {6}bound\n[\s\S]*Container: {2}front\n/,
    );
    expect(await printed('ipam show')).toBe(
      [
        'SUBNET          USED BY    SIZE     ASSIGNED  COOLING  RESERVED  FREE',
        '10.64.0.0/12    pool main  1048576  1         0        0         1048575',
        '  10.64.0.0/12  -          1048576  1         0        0         1048575',
        '',
      ].join('\n'),
    );
  });

  test('status', async () => {
    expect(await printed('status')).toBe(
      [
        'Node:       alpha (corduroy 1.2.3, started 2026-01-01T00:00:00.000Z)',
        'Ready:      yes',
        'Datastore:  embedded, connected',
        'Kernel:     iptables-nft, in step, compared 2026-01-01T00:00:00.000Z in 12 ms',
        'BGP:        1 of 2 sessions established',
        '            10.99.0.1 active: Socket: Connection refused',
        'Docker:     answers',
        'Endpoints:  2 here (1 attached), 2 in all',
        'Networks:   1',
        'Profiles:   1',
        'Nodes:      1',
        'Repairs:    1',
        '            2026-01-01T00:00:00.000Z chain mangle/cord-fwd: differs',
        'Finding:    front: its label names profile "nope", which does not exist; add it',
        '',
      ].join('\n'),
    );
  });

  test('node list', async () => {
    expect(await printed('node list')).toBe(
      'NAME              IPV4  IPV6  AS  STATE  ENDPOINTS  VERSION\nalpha (this one)  -     -     -   alive  2          1.2.3\n',
    );
  });
});

test('names from outside cannot move the cursor', () => {
  expect(formatTable([{ a: 'x\u001b[2Jy' }], [{ header: 'A', value: ({ a }) => a }], false)).toBe('A\nx?[2Jy\n');
});
