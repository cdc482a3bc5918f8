import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { FirewallSource } from '../../src/effects/firewall-source.js';
import { type Chain, type ChainName, chainKey, type FilterRule } from '../../src/model/chain.js';
import { parseProfileName } from '../../src/model/ids.js';
import type { IpSetName } from '../../src/model/ip-set.js';
import { defaultProfile } from '../../src/model/profile.js';
import { DataplaneLab } from './dataplane-lab.js';
import { moveIntoContainer } from './test-container.js';
import { netnsUnavailable, type TestNamespace } from './test-namespace.js';

const unavailable = netnsUnavailable();
if (unavailable !== undefined) console.warn(`skipped: ${unavailable}`);

const BAD = 'mangle/cord-pi-bad';
/** No set has this name: no kernel takes a rule that asks for it. */
const REFUSED: FilterRule = {
  matches: [{ kind: 'sourceInSet', set: 'cord4-no-such-set' as IpSetName, byInterface: false, negated: false }],
  target: { kind: 'goto', chain: 'cord-accept' as ChainName },
  comment: 'allow from tag no-such-set',
};

/** The same source, but for a rule that the kernel refuses in the inbound chain of profile `bad`, while `broken()`. */
function withRefusedRule(source: FirewallSource, broken: () => boolean): FirewallSource {
  const spoil = (chain: Chain): Chain =>
    broken() && chainKey(chain.table, chain.name) === BAD ? { ...chain, rules: [REFUSED, ...chain.rules] } : chain;
  return {
    apply: (change) => source.apply(change),
    state(family) {
      const state = source.state(family);
      if (family === 6) return state;
      return { ...state, chains: new Map([...state.chains].map(([key, chain]) => [key, spoil(chain)])) };
    },
    takeChanges() {
      const { changes, reconsiderFlows } = source.takeChanges();
      const spoiled = changes.map((change) =>
        change.family === 6 ? change : { ...change, putChains: change.putChains.map(spoil) },
      );
      return { changes: spoiled, reconsiderFlows };
    },
  };
}

(unavailable === undefined ? describe : describe.skip).each(['nft', 'legacy'] as const)('with %s', (backend) => {
  let lab: DataplaneLab;
  let broken = true;
  const containers: TestNamespace[] = [];
  const place = async (number: number, profile: string) => {
    const endpoint = await lab.putEndpoint(number, { profiles: [parseProfileName(profile)] });
    await lab.attach(endpoint);
    const container = await moveIntoContainer(lab.namespace, endpoint);
    containers.push(container);
    return container;
  };
  const pings = (from: TestNamespace, to: string) => from.succeeds('busybox', 'ping', '-c', '1', '-W', '1', to);

  beforeEach(async () => {
    broken = true;
    lab = await DataplaneLab.create(backend, { source: (source) => withRefusedRule(source, () => broken) });
    await lab.putProfile(defaultProfile(parseProfileName('bad')));
    await lab.start();
  });
  afterEach(async () => {
    for (const container of containers.splice(0)) await container.dispose();
    await lab.dispose();
  });

  test('a rule that the kernel refuses denies what would reach it, and harms nobody else', async () => {
    const one = await place(2, 'web');
    const bad = await place(3, 'bad');
    const alike = await place(4, 'bad');
    await place(5, 'web');
    expect([await pings(one, '10.64.0.5'), await pings(alike, '10.64.0.3')]).toEqual([true, false]);
    // What the profile allows outbound is in another chain.
    expect(await pings(bad, '192.0.2.1')).toBe(true);
    const status = lab.dataplane.status();
    expect(status).toMatchObject({
      synced: true,
      repairsTotal: 0,
      refused: [{ chain: BAD, family: 4, comment: 'allow from tag no-such-set' }],
    });
    expect(status.refused[0]?.reason).toContain("doesn't exist");

    await lab.dataplane.resync();
    expect(lab.dataplane.status()).toMatchObject({ repairsTotal: 0, refused: [{ chain: BAD }] });
    broken = false;
    await lab.dataplane.resync();
    expect(lab.dataplane.status()).toMatchObject({ repairsTotal: 0, refused: [] });
    expect(await pings(alike, '10.64.0.3')).toBe(true);
  });
});
