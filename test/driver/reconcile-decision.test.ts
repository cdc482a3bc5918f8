import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decide, ENDPOINT_GRACE_MS, type Observation, SETTLE_MS } from '../../driver/reconcile-decision.js';
import type { DockerNetwork } from '../../src/effects/docker.js';
import type { DockerNetworkId, EndpointId } from '../../src/model/ids.js';
import { aDockerNetwork, aNodeNetwork, anEndpoint, endpointId, networkId } from '../builders/docker.js';

const MADE_MS = Date.parse('2026-01-01T00:00:00.000Z');
const OLD_MS = MADE_MS + ENDPOINT_GRACE_MS;
const [ONE, TWO] = [endpointId('1'), endpointId('2')];
const [A, B] = [networkId('a'), networkId('b')];

const dockerHas = (id: DockerNetworkId, endpoints: readonly EndpointId[] = []): DockerNetwork =>
  aDockerNetwork({
    id,
    name: `net-${id.slice(0, 1)}`,
    endpoints: new Map(endpoints.map((each) => [each, { containerName: `c-${each.slice(0, 1)}` }])),
  });

/** Docker has network a, and nothing else is anywhere; long after any grace, and not in the first run. */
const seen = (what: Partial<Observation> = {}): Observation => ({
  nowMs: OLD_MS,
  endpoints: [],
  localNetworks: [aNodeNetwork(A)],
  dockerNetworks: [dockerHas(A)],
  attached: new Set(),
  inContainer: new Set(),
  sightings: new Map(),
  first: false,
  ...what,
});

/** What is done in runs that see the same, so many ms after the first. */
function runs(observation: Observation, ...afterMs: readonly number[]) {
  let { sightings } = observation;
  return [0, ...afterMs].map((ms) => {
    const decision = decide({ ...observation, nowMs: observation.nowMs + ms, sightings });
    sightings = decision.sightings;
    return {
      free: decision.free.map(({ id }) => id),
      detach: decision.detach,
      removeNetworks: decision.removeNetworks,
      restoreNetworks: decision.restoreNetworks.map(({ id }) => id),
      findings: decision.findings.map(({ kind }) => kind),
    };
  });
}

const NOTHING = { free: [], detach: [], removeNetworks: [], restoreNetworks: [], findings: [] };
const linked = { attached: new Set([ONE]), inContainer: new Set([ONE]) };
const loose = { attached: new Set([ONE]), inContainer: new Set<never>() };

describe('an endpoint', () => {
  const endpoints = [anEndpoint()];

  test.each<[string, Partial<Observation>]>([
    ['that Docker lists', { dockerNetworks: [dockerHas(A, [ONE])], ...linked }],
    ['that Docker lists, without a link', { dockerNetworks: [dockerHas(A, [ONE])] }],
    [
      'that Docker lists on another network',
      {
        dockerNetworks: [dockerHas(A), dockerHas(B, [ONE])],
        localNetworks: [aNodeNetwork(A), aNodeNetwork(B)],
      },
    ],
  ])('%s stays for ever', (_, what) => {
    expect(runs(seen({ endpoints, ...what }), SETTLE_MS, 10 * SETTLE_MS)).toEqual([NOTHING, NOTHING, NOTHING]);
  });

  test('that was made a moment ago stays, whatever Docker lists', () => {
    expect(runs(seen({ endpoints, nowMs: OLD_MS - 1 }))).toEqual([NOTHING]);
    expect(runs(seen({ endpoints, nowMs: MADE_MS }), SETTLE_MS)).toEqual([NOTHING, NOTHING]);
  });

  test.each([
    ['link is gone', {}],
    ['container end came back to the host', loose],
  ])('that Docker lists no more is freed at once if its %s', (_, what) => {
    expect(runs(seen({ endpoints, ...what }))).toEqual([{ ...NOTHING, free: [ONE] }]);
  });

  test('that Docker lists no more, but whose link is in some container, is freed when it was seen so again', () => {
    expect(runs(seen({ endpoints, ...linked }), SETTLE_MS - 1, SETTLE_MS)).toEqual([
      NOTHING,
      NOTHING,
      { ...NOTHING, free: [ONE] },
    ]);
  });

  test('of a network that Docker has no more is freed when it was seen so again, and then the network', () => {
    const gone = seen({ endpoints, dockerNetworks: [] });
    expect(runs(gone, SETTLE_MS)).toEqual([NOTHING, { ...NOTHING, free: [ONE], removeNetworks: [A] }]);
  });

  test('of a network that Docker does not know, in some container, is never touched: the engine may be another one', () => {
    const other = seen({ endpoints, dockerNetworks: [], ...linked });
    const told = { ...NOTHING, findings: ['network-unknown-to-docker'] };
    expect(runs(other, SETTLE_MS, 100 * SETTLE_MS)).toEqual([told, told, told]);
  });

  test('that comes back between two sightings begins anew', () => {
    const missing = seen({ endpoints, ...linked });
    const first = decide(missing);
    const back = decide({ ...missing, dockerNetworks: [dockerHas(A, [ONE])], sightings: first.sightings });
    expect(back.sightings.size).toBe(0);
    expect(decide({ ...missing, nowMs: OLD_MS + SETTLE_MS, sightings: back.sightings }).free).toEqual([]);
  });

  test('from the future, after the clock was set back, has to settle', () => {
    expect(runs(seen({ endpoints, nowMs: MADE_MS - 3_600_000 }), SETTLE_MS)).toEqual([
      NOTHING,
      { ...NOTHING, free: [ONE] },
    ]);
  });
});

describe('a link without record', () => {
  test('goes when it was seen twice in no container', () => {
    expect(runs(seen(loose), SETTLE_MS)).toEqual([NOTHING, { ...NOTHING, detach: [ONE] }]);
  });

  test('in some container stays, and is told', () => {
    const told = { ...NOTHING, findings: ['endpoint-without-record'] };
    expect(runs(seen(linked), SETTLE_MS)).toEqual([told, told]);
    expect(runs(seen({ ...loose, dockerNetworks: [dockerHas(A, [ONE])] }), SETTLE_MS)).toEqual([told, told]);
  });
});

describe('a network', () => {
  test('that Docker has no more goes when it was seen so again', () => {
    expect(runs(seen({ dockerNetworks: [] }), 1_000, SETTLE_MS)).toEqual([
      NOTHING,
      NOTHING,
      { ...NOTHING, removeNetworks: [A] },
    ]);
  });

  test('without records comes back: in the first run at once, later only if it is not just being removed', () => {
    const lost = seen({ localNetworks: [] });
    expect(runs({ ...lost, first: true })).toEqual([{ ...NOTHING, restoreNetworks: [A] }]);
    expect(runs(lost, SETTLE_MS)).toEqual([NOTHING, { ...NOTHING, restoreNetworks: [A] }]);
  });

  test('with a provisional name gets the one that Docker has', () => {
    const local = seen({ localNetworks: [aNodeNetwork(A, { provisional: true })] });
    expect(decide(local).nameNetworks.map(({ name }) => name)).toEqual(['net-a']);
  });
});

test('whatever is seen, what Docker lists, what is young, and what another engine may run is never freed', () => {
  const ids = fc.subarray([ONE, TWO, endpointId('3')]);
  const observations = fc.record({
    ages: fc.array(fc.integer({ min: -ENDPOINT_GRACE_MS, max: 3 * ENDPOINT_GRACE_MS }), { minLength: 3, maxLength: 3 }),
    recorded: ids,
    listed: ids,
    attached: ids,
    inContainer: ids,
    known: fc.boolean(),
    first: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(observations, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 2 * SETTLE_MS }),
      (list, stepMs) => {
        let sightings: Observation['sightings'] = new Map();
        let nowMs = OLD_MS;
        for (const { ages, recorded, listed, attached, inContainer, known, first } of list) {
          nowMs += stepMs;
          const now = nowMs;
          const endpoints = recorded.map((id, index) =>
            anEndpoint({ id, createdAt: new Date(now - (ages[index] ?? 0)).toISOString() }),
          );
          const both = attached.filter((id) => inContainer.includes(id));
          const decision = decide(
            seen({
              nowMs,
              endpoints,
              dockerNetworks: known ? [dockerHas(A, listed)] : [],
              attached: new Set(attached),
              inContainer: new Set(both),
              sightings,
              first,
            }),
          );
          sightings = decision.sightings;
          for (const { id, createdAt } of decision.free) {
            const age = nowMs - Date.parse(createdAt);
            expect(known && listed.includes(id)).toBe(false);
            expect(age >= 0 && age < ENDPOINT_GRACE_MS).toBe(false);
            expect(!known && both.includes(id)).toBe(false);
          }
          for (const id of decision.detach) expect(both.includes(id) || (known && listed.includes(id))).toBe(false);
        }
      },
    ),
  );
});
