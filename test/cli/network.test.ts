import { describe, expect, test } from '@jest/globals';
import { useCommandLine } from '../builders/command-line.js';

const { cord, fails, harness, printed } = useCommandLine();

describe('networks', () => {
  test('are created as Docker is told, with each choice in its subnet', async () => {
    const line =
      'network create db --subnet 10.65.0.0/24 --subnet fd00:1::/64 --gateway 10.65.0.1 --ip-range 10.65.0.128/25' +
      ' --aux-address nas=10.65.0.9 --internal --attachable --ipv6 -o mtu=1340 -o profiles=a,b --ipam-opt pool=main --label team=blue --label on';
    expect(await printed(line)).toBe('created network db (10.65.0.0/24, fd00:1::/64)\n');
    expect(harness().dockerNetworks.plans).toEqual([
      {
        name: 'db',
        subnets: [
          { cidr: '10.65.0.0/24', gateway: '10.65.0.1', range: '10.65.0.128/25', auxiliary: { nas: '10.65.0.9' } },
          { cidr: 'fd00:1::/64', auxiliary: {} },
        ],
        ipv4: true,
        ipv6: true,
        internal: true,
        attachable: true,
        options: { mtu: '1340', profiles: 'a,b' },
        ipamOptions: { pool: 'main' },
        labels: { team: 'blue', on: '' },
      },
    ]);
    expect(await printed('network remove db')).toBe('removed network db\n');
    expect(await printed('network list -o json')).not.toContain('"db"');
  });

  test('of Swarm are refused with the reason where they cannot be made', async () => {
    const refusal = async () => (await cord('network create --swarm shop')).err;
    expect(await refusal()).toContain('the other nodes are prepared by networkSync, which is off here');
    Object.assign(harness().context, { networkSync: true, settleMs: 10 });
    expect(await refusal()).toContain('Swarm takes managed plugins only, and this daemon is none');
    harness().swarm.plugin = 'corduroy:latest';
    expect(await refusal()).toContain("this host's Docker is in no swarm");
    harness().swarm.is = 'worker';
    expect(await refusal()).toContain('this host is a worker of its swarm');
    harness().swarm.is = 'manager';
    expect(await refusal()).toContain('this host is not prepared for it');
    expect(harness().swarm.plans).toEqual([]);
  });

  test('of which Docker does not tell the name are not in force', async () => {
    harness().dockerNetworks.keepsNames = true;
    Object.assign(harness().context, { settleMs: 10 });
    const { code, err } = await cord('network create -o json db');
    expect({ code, err }).toEqual({ code: 1, err: '' });
    expect(await cord('network create db2')).toMatchObject({
      code: 1,
      err: expect.stringContaining('warning: Docker has made it, but has not told its name'),
    });
  });

  test.each<[string, number, string]>([
    ['network create web', 1, 'error: network with name web already exists\n  try: free what holds it first'],
    ['network remove web', 1, 'error: network web has active endpoints\n'],
    ['network remove nope', 1, 'error: no network "nope": there are web\n  try: see "corduroy network list"\n'],
    ['network create a/b', 1, 'error: name: "a/b" is not a network name: use 1 to 128 letters'],
    [
      'network create db --gateway 10.1.0.1',
      1,
      'error: --gateway 10.1.0.1 is in no subnet of the network: no subnet is given\n  try: give --subnet for it\n',
    ],
    [
      'network create db --subnet 10.1.0.0/24 --ip-range 10.1.0.0/25 --ip-range 10.1.0.128/25',
      1,
      'error: subnet 10.1.0.0/24 has --ip-range 10.1.0.0/25 and 10.1.0.128/25\n  try: give one for each subnet\n',
    ],
    ['network create db --label =x', 2, 'Write KEY=VALUE.'],
  ])('%s', async (line, code, message) => {
    await fails(line, code, message);
    expect(harness().dockerNetworks.plans).toEqual([]);
  });
});
