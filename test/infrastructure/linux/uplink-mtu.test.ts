import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { uplinkMtu } from '../../../src/infrastructure/linux/uplink-mtu.js';

const HEADER = 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT';
const route = (name: string, destination: string, mask: string, flags = '0003') =>
  `${name}\t${destination}\t0100630A\t${flags}\t0\t0\t0\t${mask}\t0\t0\t0`;
const defaultBy = (name: string, flags?: string) => route(name, '00000000', '00000000', flags);

describe("the MTU that containers take from the host's uplink", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'uplink-mtu-'));
    for (const [name, mtu] of Object.entries({ eth0: 1460, eth1: 9001, docker0: 1400 })) {
      mkdirSync(join(dir, name));
      writeFileSync(join(dir, name, 'mtu'), `${mtu}\n`);
    }
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  test.each([
    ['is that of the default route', [defaultBy('eth1'), route('docker0', '000011AC', '0000FFFF')], 9001],
    ['is the smallest of several default routes', [defaultBy('eth1'), defaultBy('eth0')], 1460],
    ['does not look at a route that is down', [defaultBy('eth0', '0002'), defaultBy('eth1')], 9001],
    ['does not take half of all addresses for a default route', [route('eth0', '00000000', '00000080')], 1500],
    ["is Ethernet's without a default route", [route('eth0', '0000630A', '00FFFFFF')], 1500],
    ["is Ethernet's if the interface is gone", [defaultBy('eth9')], 1500],
  ])('%s', (_what, rows, expected) => {
    writeFileSync(join(dir, 'route'), `${[HEADER, ...rows].join('\n')}\n`);
    expect(uplinkMtu(dir, dir)).toBe(expected);
  });

  test("is Ethernet's on a kernel that tells no routes", () => {
    expect(uplinkMtu(join(dir, 'nowhere'), dir)).toBe(1500);
  });
});
