import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { useCommandLine } from '../builders/command-line.js';

const { cord, fails, folder, harness, printed } = useCommandLine();

describe('bgp', () => {
  const password = () => {
    const file = join(folder(), 'password');
    writeFileSync(file, 'open sesame\n');
    return file;
  };

  test('status', async () => {
    expect(await printed('bgp status')).toBe(
      [
        'PEER       ADDRESS     AS     TYPE    STATE        SINCE                     IMPORTED  EXPORTED  ERROR',
        'beta       10.99.0.12  64512  mesh    established  2026-01-01T00:00:00.000Z  2         1         -',
        '10.99.0.1  10.99.0.1   64600  global  active       2026-01-01T00:00:00.000Z  0         0         Socket: Connection refused',
        '',
      ].join('\n'),
    );
    harness().bgpStatus = { sessions: [], problems: [] };
    expect(await printed('bgp status')).toBe('there is nobody to speak to: no other node, and no peer\n');
    harness().bgpStatus = { sessions: [], problems: ['BIRD has not been started yet'] };
    expect(await cord('bgp status')).toEqual({ code: 0, out: '', err: 'warning: BIRD has not been started yet\n' });
    expect(await printed('status')).toContain('BGP:        BIRD has not been started yet\n');
    Object.assign(harness().context, { bgp: undefined });
    expect(await cord('bgp status')).toMatchObject({ code: 0, out: '', err: expect.stringContaining('is not bgp') });
    expect(await printed('status')).not.toContain('BGP');
  });

  test('the mesh and the default AS number are printed without a value, and changed with one', async () => {
    expect(await printed('bgp mesh')).toBe('on\n');
    expect(await printed('bgp mesh off')).toBe('the mesh is off, the default AS number is 64512\n');
    expect(await printed('bgp default-as 1.10')).toBe('the mesh is off, the default AS number is 65546\n');
    expect(await printed('bgp default-node-as')).toBe('65546\n');
    expect(await printed('bgp node-mesh -o json')).toBe('{\n  "mesh": false\n}\n');
  });

  test('peers of every node and of one are added, listed without their passwords, and removed', async () => {
    expect(await printed(`bgp peer add 10.99.0.1 as 64600 --password-file ${password()} --bfd`)).toBe(
      'every node speaks to 10.99.0.1, AS 64600\n',
    );
    expect(await printed('bgp peer add fd99::1 as 1.10 --node alpha --passive --ttl-security 1')).toBe(
      'node alpha speaks to fd99::1, AS 65546\n',
    );
    expect(await printed('bgp peer list')).toBe(
      [
        'ADDRESS    AS     NODE   PASSWORD  PASSIVE  BFD  TTL-SECURITY',
        '10.99.0.1  64600  (all)  yes       no       yes  -',
        'fd99::1    65546  alpha  no        yes      no   1',
        '',
      ].join('\n'),
    );
    expect(await printed('bgp peer list -o json')).not.toContain('sesame');
    expect(harness().context.store.bgpPeers.get('/corduroy/v1/bgppeer/10.99.0.1')?.value.password).toBe('open sesame');
    expect(await printed('bgp peer add fd99::1 as 65546 --node alpha --passive --ttl-security 1')).toBe(
      'node alpha speaks to fd99::1 so already\n',
    );
    expect(await printed('bgp peer remove fd99::1 --node alpha')).toBe('removed peer fd99::1 of node alpha\n');
    expect(await printed('bgp peer remove 10.99.0.1')).toBe('removed peer 10.99.0.1\n');
    expect(await printed('bgp peer list -o json')).toBe('[]\n');
  });

  test.each<[string, number, string]>([
    ['bgp peer add 10.99.0.1 as 0', 2, '"0" is not an AS number'],
    ['bgp peer add 10.99.0.1 is 64600', 2, 'Allowed choices are as'],
    ['bgp peer add 10.99.0.300 as 64600', 1, 'error: address: "10.99.0.300" is not an IP address'],
    ['bgp peer add 10.99.0.1 as 64600 --node gamma', 1, 'error: no node "gamma": there are alpha\n'],
    ['bgp peer add 10.99.0.1 as 64600 --password-file /nowhere', 1, 'error: cannot read the password in /nowhere: '],
    ['bgp peer add 10.99.0.1 as 64600 --ttl-security 255', 1, 'error: ttlSecurity: '],
    [
      'bgp peer add 192.0.2.1 as 64601',
      1,
      'error: every node speaks to 192.0.2.1 already, with other settings\n  try: remove that peer first, with "corduroy bgp peer remove 192.0.2.1"\n',
    ],
    [
      'bgp peer remove 10.99.0.1',
      1,
      'error: no bgp peer "10.99.0.1": there are 192.0.2.1\n  try: see "corduroy bgp peer list"\n',
    ],
    [
      'bgp peer remove 192.0.2.1 --node alpha',
      1,
      'is not one of node alpha, but of every node\n  try: leave --node out\n',
    ],
    ['bgp mesh maybe', 2, 'Allowed choices are on, off'],
  ])('%s', async (line, code, message) => {
    await printed('bgp peer add 192.0.2.1 as 64600');
    await fails(line, code, message);
    expect(harness().context.store.bgpPeers.size).toBe(1);
  });

  test('a change that BIRD does not take is stored, and no success', async () => {
    harness().bgpStatus = { sessions: [], problems: ['BIRD refuses its configuration'] };
    expect(await cord('bgp mesh off')).toEqual({
      code: 1,
      out: 'the mesh is off, the default AS number is 64512\n',
      err: 'warning: BIRD refuses its configuration\n',
    });
  });
});
