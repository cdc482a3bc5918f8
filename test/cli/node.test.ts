import { describe, expect, test } from '@jest/globals';
import { addNode } from '../builders/admin.js';
import { useCommandLine } from '../builders/command-line.js';

const { cord, fails, harness, printed } = useCommandLine();

describe('nodes', () => {
  test('have labels, and an AS number', async () => {
    expect(await printed('node set alpha --label rack=1 --label disk=ssd --as-number 65000')).toBe(
      'changed node alpha\n',
    );
    await printed('node set alpha --unset-label disk');
    expect(await printed('node set alpha --label rack=1')).toBe('node alpha is so already\n');
    expect(JSON.parse(await printed('node show alpha -o json'))).toMatchObject({
      labels: { rack: '1' },
      asNumber: 65_000,
    });
    expect(await printed('node show alpha')).toMatch(/LABELS: +rack=1\n/);
  });

  test('become route reflectors, and leave off', async () => {
    const show = async () => JSON.parse(await printed('node show alpha -o json'));
    await printed('node set alpha --route-reflector-cluster-id 244.0.0.1 --as-number 1.10');
    expect(await show()).toMatchObject({ routeReflectorClusterId: '244.0.0.1', asNumber: 65_546 });
    expect(await printed('node list -o wide')).toContain('244.0.0.1');
    await printed('node set alpha --route-reflector-cluster-id none --as-number default');
    expect(await show()).toMatchObject({ routeReflectorClusterId: null, asNumber: null });
  });

  test('that are gone for good are removed with all that they had', async () => {
    await addNode(harness(), 'beta');
    expect(await cord('node remove beta')).toMatchObject({
      code: 1,
      err: 'error: cannot remove node beta: it has 1 endpoints\n  try: remove their containers there, or use --remove-endpoints if the host is gone\n',
    });
    expect(await printed('node remove beta --remove-endpoints')).toBe(
      'removed node beta: 1 endpoints, 1 networks, 0 addresses\n',
    );
    expect(await printed('network list -o json')).not.toContain('beta');
    expect(await printed('endpoint list -o json')).not.toContain('beta');
    expect(await cord('node remove beta')).toMatchObject({
      code: 1,
      err: 'error: no node "beta": there are alpha\n  try: see "corduroy node list"\n',
    });
  });

  test.each<[string, number, string]>([
    [
      'node remove alpha',
      1,
      'error: cannot remove node alpha: it is this host, and its daemon is running\n  try: stop',
    ],
    [
      'node set alpha',
      2,
      'error: it is not clear what to change\n  try: give --label, --unset-label, --as-number or --route-reflector-cluster-id\n',
    ],
    ['node set gamma --label a=b', 1, 'error: no node "gamma": there are alpha\n'],
    ['node set alpha --label a$=b', 1, 'error: "a$" is no name of a label\n'],
    ['node set alpha --as-number 0', 2, '"0" is not an AS number: write 1 to 4294967295, or HIGH.LOW'],
    [
      'node set alpha --route-reflector-cluster-id 1',
      1,
      'error: routeReflectorClusterId: "1" is not a route reflector',
    ],
  ])('%s', async (line, code, message) => {
    await fails(line, code, message);
  });

  test("an AS number that this host's daemon is told is not changed by command", async () => {
    Object.assign(harness().context, { settings: [{ name: 'asNumber', value: '64600', source: 'file' }] });
    expect(await cord('node set alpha --as-number 65000')).toMatchObject({
      code: 1,
      err: expect.stringContaining("the AS number of node alpha comes from its daemon's settings (file)"),
    });
  });
});
