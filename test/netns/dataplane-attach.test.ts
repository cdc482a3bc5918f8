import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { hostInterfaceOf } from '../../src/model/ids.js';
import type { IpAddress } from '../../src/model/ip-address.js';
import { DataplaneLab } from './dataplane-lab.js';
import { moveIntoContainer } from './test-container.js';
import { netnsUnavailable, type TestNamespace } from './test-namespace.js';

const unavailable = netnsUnavailable();
if (unavailable !== undefined) console.warn(`skipped: ${unavailable}`);

const pings = (from: TestNamespace, to: string): Promise<boolean> =>
  from.succeeds('busybox', 'ping', '-c', '1', '-W', '1', to);

(unavailable === undefined ? describe : describe.skip).each(['nft', 'legacy'] as const)('with %s', (backend) => {
  let lab: DataplaneLab;
  const containers: TestNamespace[] = [];
  const contain = async (...endpoint: Parameters<typeof moveIntoContainer>) => {
    const container = await moveIntoContainer(...endpoint);
    containers.push(container);
    return container;
  };

  beforeEach(async () => {
    lab = await DataplaneLab.create(backend);
    await lab.start();
  });
  afterEach(async () => {
    for (const container of containers.splice(0)) await container.dispose();
    await lab.dispose();
  });

  test('endpoints of one network reach each other and are reached by the host, over IPv4 and IPv6, from the first packet', async () => {
    const [one, two] = [await lab.putEndpoint(2), await lab.putEndpoint(3)];
    await Promise.all([lab.attach(one), lab.attach(two)]);
    expect(lab.dataplane.attached()).toEqual(new Set([one.id, two.id]));
    const [first, second] = [await contain(lab.namespace, one), await contain(lab.namespace, two)];
    expect(await pings(first, '10.64.0.3')).toBe(true);
    expect(await pings(second, 'fd80:c0de::2')).toBe(true);
    expect(await pings(lab.namespace, '10.64.0.2')).toBe(true);
    expect(await pings(lab.namespace, 'fd80:c0de::3')).toBe(true);
  });

  test('a second attach changes nothing', async () => {
    const endpoint = await lab.putEndpoint(2);
    await Promise.all([lab.attach(endpoint), lab.attach(endpoint)]);
    const before = await lab.namespace.ip('-d link show');
    await lab.attach(endpoint);
    expect(await lab.namespace.ip('-d link show')).toBe(before);
  });

  test('what is prepared before the record is stored is attached as any other', async () => {
    lab.dataplane.prepare(lab.plan(2), { mtu: 1400 });
    const endpoint = await lab.putEndpoint(2);
    await lab.attach(endpoint);
    const container = await contain(lab.namespace, endpoint);
    expect(await lab.namespace.ip('link')).toMatch(/cord[0-9a-f]{11}.* mtu 1400/);
    expect(await pings(lab.namespace, '10.64.0.2')).toBe(true);
    expect(await pings(container, 'fd80:c0de::1')).toBe(false);
    const findings = lab.dataplane.status().repairsTotal;
    await lab.dataplane.resync();
    expect(lab.dataplane.status().repairsTotal).toBe(findings);
  });

  test.each([0, 3, 50])('what is abandoned %d ms after it was prepared leaves nothing', async (pauseMs) => {
    await lab.dataplane.settled();
    const rules = () => lab.namespace.exec(`iptables-${backend}-save`, '-t', 'mangle');
    const before = (await rules()).replace(/^[#:].*$/gm, '');
    const endpoint = lab.plan(2);
    lab.dataplane.prepare(endpoint, { mtu: 1500 });
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    await lab.dataplane.abandon(endpoint);
    await lab.dataplane.settled();
    await lab.kernel.network.retired();
    expect(await lab.namespace.ip('link')).not.toMatch(/cord|ctmp/);
    expect((await rules()).replace(/^[#:].*$/gm, '')).toBe(before);
  });

  test('an endpoint whose record was stored after all is not abandoned', async () => {
    const endpoint = lab.plan(2);
    lab.dataplane.prepare(endpoint, { mtu: 1500 });
    await lab.putEndpoint(2);
    await lab.dataplane.abandon(endpoint);
    await lab.attach(endpoint);
    await contain(lab.namespace, endpoint);
    expect(await pings(lab.namespace, '10.64.0.2')).toBe(true);
  });

  test('an endpoint of a profile that allows nothing is reached by nobody', async () => {
    await lab.putProfile({ name: 'closed', tags: [], inbound: [], outbound: [], mode: 'enforce' } as never);
    const [open, closed] = [await lab.putEndpoint(2), await lab.putEndpoint(3, { profiles: ['closed' as never] })];
    await Promise.all([lab.attach(open), lab.attach(closed)]);
    const first = await contain(lab.namespace, open);
    const second = await contain(lab.namespace, closed);
    expect(await pings(first, '10.64.0.3')).toBe(false);
    expect(await pings(second, '10.64.0.2')).toBe(false);
    expect(await pings(second, 'fd80:c0de::2')).toBe(false);
  });

  test('detach ends traffic at once and leaves nothing behind; the endpoint may be attached again', async () => {
    const endpoint = await lab.putEndpoint(2);
    for (let round = 0; round < 2; round++) {
      await lab.attach(endpoint);
      expect(await lab.namespace.ip('route')).toContain('10.64.0.2 dev cord');
      await lab.dataplane.detach(endpoint);
      expect(await lab.namespace.ip('route')).not.toContain('10.64.0.2');
      expect(await lab.namespace.ip('-6 route')).not.toContain('fd80:c0de::2');
      await lab.dataplane.detach(endpoint);
    }
    await lab.dataplane.addressQuiet(endpoint.addresses[0] as IpAddress);
    await lab.kernel.network.retired();
    expect(await lab.namespace.ip('link')).not.toMatch(/cord|ctmp/);
    expect(lab.dataplane.attached()).toEqual(new Set());
  });

  test('an attach that is aborted leaves nothing behind', async () => {
    const endpoint = await lab.putEndpoint(2);
    const abort = new AbortController();
    const attached = lab.dataplane.attach(endpoint, { mtu: 1500, signal: abort.signal });
    abort.abort(new Error('the caller gave up'));
    await expect(attached).rejects.toThrow();
    await lab.dataplane.detach(endpoint);
    await lab.kernel.network.retired();
    expect(await lab.namespace.ip('link')).not.toMatch(/cord|ctmp/);
    await lab.attach(endpoint);
    expect(await lab.namespace.ip('route')).toContain(`10.64.0.2 dev ${hostInterfaceOf(endpoint.id)}`);
  });

  test('an attach whose helpers are killed fails or succeeds, and can be tried again', async () => {
    for (let number = 2; number < 6; number++) {
      const endpoint = await lab.putEndpoint(number);
      const attached = lab.attach(endpoint).catch(() => 'failed');
      await new Promise((resolve) => setTimeout(resolve, number - 2));
      for (const pid of lab.kernel.helperPids()) process.kill(pid, 'SIGKILL');
      await attached;
      await lab.attach(endpoint);
      const container = await contain(lab.namespace, endpoint);
      expect(await pings(container, `10.64.0.${number}`)).toBe(true);
      expect(await pings(lab.namespace, `10.64.0.${number}`)).toBe(true);
    }
  });
});
