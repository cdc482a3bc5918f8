import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PolicyEngine } from '../../policy/engine.js';
import { DEFAULT_POLICY_SETTINGS } from '../../policy/settings.js';
import type { ClusterChange } from '../../src/effects/cluster-view.js';
import type { IpFamily } from '../../src/model/ip-address.js';
import { clusterHistories, finalChanges, mixChanges, THIS_NODE } from '../builders/clusters.js';
import { contentOf, FirewallReplay } from '../builders/firewall-replay.js';

const newEngine = () => new PolicyEngine({ node: THIS_NODE, settings: DEFAULT_POLICY_SETTINGS });
const choices = fc.array(fc.nat({ max: 1000 }), { minLength: 40, maxLength: 60 });
const FAMILIES: readonly IpFamily[] = [4, 6];

function engineFedWith(changes: readonly ClusterChange[]): PolicyEngine {
  const engine = newEngine();
  for (const change of changes) engine.apply(change);
  return engine;
}

describe('PolicyEngine', () => {
  test('the state follows from the last records alone, whatever came before and in whatever order', () => {
    fc.assert(
      fc.property(clusterHistories(), choices, (histories, order) => {
        const byHistory = engineFedWith(mixChanges(histories, order));
        const atOnce = engineFedWith(finalChanges(histories));
        for (const family of FAMILIES) {
          expect(contentOf(byHistory.state(family))).toEqual(contentOf(atOnce.state(family)));
        }
      }),
      { numRuns: 100 },
    );
  });

  test('changes taken now and then add up to the state, and every step is one the kernel takes', () => {
    fc.assert(
      fc.property(clusterHistories(), choices, fc.array(fc.boolean(), { minLength: 30 }), (histories, order, takes) => {
        const engine = newEngine();
        const kernel = { 4: new FirewallReplay(), 6: new FirewallReplay() };
        const take = () => {
          for (const changes of engine.takeChanges().changes) kernel[changes.family].apply(changes);
        };
        mixChanges(histories, order).forEach((change, n) => {
          engine.apply(change);
          if (takes[n % takes.length]) take();
        });
        take();
        for (const family of FAMILIES) expect(kernel[family].content()).toEqual(contentOf(engine.state(family)));
        expect(engine.takeChanges()).toEqual({ changes: [], reconsiderFlows: false });
      }),
      { numRuns: 100 },
    );
  });
});
