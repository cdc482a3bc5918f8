import { expect, test } from '@jest/globals';
import { FirewallApplier } from '../../routing/firewall-applier.js';
import type { Finding, FirewallProgrammer } from '../../routing/firewall-programmer.js';
import type { FirewallSource } from '../../src/effects/firewall-source.js';
import type { Logger } from '../../src/effects/logger.js';
import { ManualClock } from '../fakes/manual-clock.js';

const silent: Logger = { error() {}, warn() {}, info() {}, debug() {}, child: () => silent };
const DRIFT: Finding = { what: 'hook', family: 4, name: 'mangle FORWARD', detail: 'our rules were missing' };

/** An applier over a kernel in which the read-backs find these, one after the other. */
function applierThatFinds(readBacks: (readonly Finding[])[]) {
  const heard = { drift: [] as Finding[], reconsidered: 0 };
  const programmer = {
    change: async () => {},
    synchronise: async (): Promise<readonly Finding[]> => readBacks.shift() ?? [],
    sweepSets: async () => {},
    retiredSets: 0,
    refused: [],
  } as unknown as FirewallProgrammer;
  const source = {
    apply: () => {},
    state: () => ({ family: 4, hooks: [], chains: new Map(), sets: new Map() }),
    takeChanges: () => ({ changes: [], reconsiderFlows: false }),
  } as FirewallSource;
  const applier = new FirewallApplier({
    programmer,
    source,
    clock: new ManualClock(),
    log: silent,
    onFindings: (findings) => heard.drift.push(...findings),
    onStricter: () => heard.reconsidered++,
  });
  return { applier, heard };
}

test('what began while rules of ours were missing is measured against the policy once they are back', async () => {
  const { applier, heard } = applierThatFinds([[], [DRIFT], []]);
  await applier.start();
  expect(heard).toEqual({ drift: [], reconsidered: 0 });
  await applier.synchronise();
  expect(heard).toEqual({ drift: [DRIFT], reconsidered: 1 });
  await applier.synchronise();
  expect(heard).toEqual({ drift: [DRIFT], reconsidered: 1 });
});

test('what the first read-back finds is taken over, and is no drift', async () => {
  const { applier, heard } = applierThatFinds([[DRIFT]]);
  await applier.start();
  expect(heard).toEqual({ drift: [], reconsidered: 0 });
});

test('one that was stopped before it began does not begin', async () => {
  const { applier } = applierThatFinds([]);
  applier.stop();
  await expect(applier.start()).rejects.toThrow(/aborted/);
});
