import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { TunnelsSettled } from '../../ipam-driver/tunnel-addresses.js';
import { TunnelKeeper } from '../../src/composition/tunnel-keeper.js';
import type { ClusterChange } from '../../src/effects/cluster-view.js';
import { silentLogger } from '../../src/effects/logger.js';
import type { ReconcileFinding } from '../../src/effects/reconcile-status.js';
import { parseNodeName } from '../../src/model/ids.js';
import { ManualClock } from '../fakes/manual-clock.js';

const LACKING: ReconcileFinding = { kind: 'no-tunnel-address', subject: 'IPv4', message: 'the network is full' };
const MINUTE = 60_000;

/** What becomes of each settling, in turn, and how often it was tried. */
class Addresses {
  readonly outcomes: ('done' | 'away' | 'full')[] = [];
  settled = true;
  tries = 0;
  isSettled(): boolean {
    return this.settled;
  }
  async settle(): Promise<TunnelsSettled> {
    this.tries++;
    const outcome = this.outcomes.shift() ?? 'done';
    if (outcome === 'away') throw new Error('etcd does not answer');
    this.settled = outcome === 'done';
    return { addresses: [], findings: outcome === 'full' ? [LACKING] : [] };
  }
}

let addresses: Addresses;
let clock: ManualClock;
let keeper: TunnelKeeper;
let tell: (change: Pick<ClusterChange, 'kind'> & { readonly name?: string }) => void;
let stopping: AbortController;
let running: Promise<void> | undefined;

beforeEach(() => {
  [addresses, clock, stopping] = [new Addresses(), new ManualClock(), new AbortController()];
  const view = {
    nodes: new Map(),
    subscribe: (listener: (change: ClusterChange) => void) => {
      tell = ({ kind, name = 'x' }) => listener({ kind, before: undefined, after: { name } } as never);
      return () => {};
    },
  };
  keeper = new TunnelKeeper({ node: parseNodeName('alpha'), view, addresses, clock, log: silentLogger });
});
afterEach(async () => {
  stopping.abort();
  await running;
});

const settled = () => new Promise((resolve) => setImmediate(resolve));
async function start(...outcomes: readonly ('done' | 'away' | 'full')[]): Promise<void> {
  addresses.outcomes.push(...outcomes);
  running = keeper.run(stopping.signal);
  await settled();
}
/** Time passes, with the moment that changes gather in. */
async function pass(ms: number): Promise<void> {
  clock.advance(ms);
  await settled();
  clock.advance(1_000);
  await settled();
}

test('it looks once at the start, and then only when records say that something is to be done', async () => {
  await start();
  await pass(10 * MINUTE);
  expect(addresses.tries).toBe(1);
  addresses.settled = false;
  tell({ kind: 'node', name: 'beta' });
  tell({ kind: 'endpoint' });
  await pass(0);
  expect(addresses.tries).toBe(1);
  tell({ kind: 'network' });
  await pass(0);
  expect(addresses.tries).toBe(2);
});

test('what is lacking is told until it is there, and tried again every minute and at every change', async () => {
  await start('full', 'full', 'full');
  expect(keeper.findings()).toEqual([LACKING]);
  await pass(MINUTE);
  tell({ kind: 'pool' });
  await pass(0);
  expect([addresses.tries, keeper.findings()]).toEqual([3, [LACKING]]);
  tell({ kind: 'node', name: 'alpha' });
  await pass(0);
  expect([addresses.tries, keeper.findings()]).toEqual([4, []]);
});

test('a datastore that is away is asked again, though memory says that all is well', async () => {
  await start('away', 'away');
  await pass(5_000);
  await pass(5_000);
  expect(addresses.tries).toBe(3);
  await pass(10 * MINUTE);
  expect(addresses.tries).toBe(3);
});
