import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PolicyEngine } from '../../policy/engine.js';
import { judgePacket } from '../../policy/judge-packet.js';
import { DEFAULT_POLICY_SETTINGS } from '../../policy/settings.js';
import { clusterHistories, finalChanges, THIS_NODE } from '../builders/clusters.js';
import { NaivePolicy } from '../builders/naive-policy.js';
import { packets } from '../builders/packets.js';

const ENDPOINTS = 4;

test('compiled chains allow what the records mean, packet by packet', () => {
  let allowed = 0;
  let denied = 0;
  fc.assert(
    fc.property(
      clusterHistories(ENDPOINTS),
      fc.array(packets(ENDPOINTS), { minLength: 60, maxLength: 60 }),
      (histories, sent) => {
        const records = finalChanges(histories);
        const engine = new PolicyEngine({ node: THIS_NODE, settings: DEFAULT_POLICY_SETTINGS });
        for (const record of records) engine.apply(record);
        const states = { 4: engine.state(4), 6: engine.state(6) };
        const oracle = new NaivePolicy(records.filter(({ after }) => after !== undefined));
        for (const packet of sent) {
          const judgement = judgePacket(states[packet.family], packet);
          const expected = oracle.allows(packet);
          expect({ packet, allowed: judgement.allowed, by: judgement.decidedAt }).toEqual({
            packet,
            allowed: expected,
            by: judgement.decidedAt,
          });
          if (expected) allowed++;
          else denied++;
        }
      },
    ),
    { numRuns: 150 },
  );
  // a world in which everything were denied would prove nothing
  expect(Math.min(allowed, denied)).toBeGreaterThan(500);
});
