import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { diffRoutes, missingNeighbours } from '../../routing/route-diff.js';
import { diffSets } from '../../routing/set-diff.js';
import type { IpSetCommand, ReadIpSet } from '../../src/effects/ip-sets.js';
import type { Cidr } from '../../src/model/cidr.js';
import type { InterfaceName } from '../../src/model/ids.js';
import type { IpSet, IpSetMember, IpSetName } from '../../src/model/ip-set.js';
import type { PermanentNeighbour, Route } from '../../src/model/route.js';

const routes = fc.array(
  fc.record({ n: fc.nat({ max: 5 }), by: fc.constantFrom('', 'corda', 'cordb') }).map(({ n, by }): Route => {
    const destination = `10.64.0.${n}/32` as Cidr;
    return by === ''
      ? { kind: 'blackhole', destination }
      : { kind: 'link', destination, interfaceName: by as InterfaceName };
  }),
  { maxLength: 8 },
);
const text = (route: Route) => JSON.stringify(route);
const sortedTexts = (all: readonly Route[]) => all.map(text).sort((a, b) => (a < b ? -1 : 1));

describe('routes', () => {
  /** As the kernel holds them: a blackhole and a link route to one destination can stand side by side. */
  const after = (actual: readonly Route[], { put, remove }: ReturnType<typeof diffRoutes>) => {
    const kept = new Map(actual.map((route) => [text(route), route]));
    for (const route of put) kept.set(text(route), route);
    for (const route of remove) kept.delete(text(route));
    return [...kept.values()];
  };
  const byDestination = (all: readonly Route[]) =>
    sortedTexts([...new Map(all.map((route) => [route.destination, route])).values()]);

  test('applying the diff gives the desired routes, and a second diff is empty', () => {
    fc.assert(
      fc.property(routes, routes, (desired, actual) => {
        const result = after(actual, diffRoutes(desired, actual));
        expect(sortedTexts(result)).toEqual(byDestination(desired));
        expect(diffRoutes(desired, result)).toEqual({ put: [], remove: [] });
      }),
    );
  });

  test('a neighbour with another MAC or on another link is missing; one that nobody wants is left', () => {
    const neighbour = (address: string, mac: string, interfaceName = 'corda') =>
      ({ address, mac, interfaceName }) as PermanentNeighbour;
    const wanted = [neighbour('10.64.0.2', '02:00:00:00:00:02'), neighbour('10.64.0.3', '02:00:00:00:00:03')];
    const there = [
      neighbour('10.64.0.2', '02:00:00:00:00:02'),
      neighbour('10.64.0.3', '02:00:00:00:00:99'),
      neighbour('10.64.0.3', '02:00:00:00:00:03', 'cordb'),
      neighbour('10.64.0.9', '02:00:00:00:00:09'),
    ];
    expect(missingNeighbours(wanted, there)).toEqual([wanted[1]]);
  });
});

const sets = fc
  .uniqueArray(
    fc.record({
      name: fc.constantFrom('cord4-a', 'cord4-b', 'cord4-c').map((name) => name as IpSetName),
      type: fc.constantFrom('hash:ip' as const, 'hash:net' as const),
      members: fc.uniqueArray(fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3')),
    }),
    { selector: ({ name }) => name },
  )
  .map((all) =>
    all.map(({ members, ...rest }): IpSet => ({ ...rest, family: 4, members: new Set(members as IpSetMember[]) })),
  );

describe('sets', () => {
  /** A kernel that refuses what a real one does. */
  function carryOut(present: readonly ReadIpSet[], commands: readonly IpSetCommand[]): readonly ReadIpSet[] {
    const kept = new Map(present.map((set) => [set.name, { ...set, members: new Set(set.members) }]));
    for (const command of commands) {
      if (command.kind === 'create') {
        if (kept.has(command.set.name)) throw new Error(`${command.set.name} is there`);
        kept.set(command.set.name, { ...command.set, members: new Set() });
      } else if (command.kind === 'destroy') kept.delete(command.name);
      else {
        const set = kept.get(command.name);
        if (set === undefined) throw new Error(`${command.name} is not there`);
        if (command.kind === 'add') set.members.add(command.member);
        else if (command.kind === 'remove') set.members.delete(command.member);
        else set.members.clear();
      }
    }
    return [...kept.values()];
  }
  const content = (all: readonly ReadIpSet[]) =>
    all.map(({ name, type, members }) => `${name} ${type} ${[...members].sort().join()}`).sort();

  test('before the rules are written all is there that they need, afterwards nothing else', () => {
    fc.assert(
      fc.property(sets, sets, (desired, actual) => {
        const diff = diffSets(desired, actual);
        const between = carryOut(actual, diff.before);
        for (const { name, members } of desired) {
          const found = between.find((set) => set.name === name);
          expect([...members].every((member) => found?.members.has(member))).toBe(true);
        }
        const surplus = diff.surplus.map((name): IpSetCommand => ({ kind: 'destroy', name }));
        const after = carryOut(between, [...diff.after, ...surplus]);
        expect(content(after)).toEqual(content(desired));
        expect(diffSets(desired, after)).toEqual({ before: [], after: [], surplus: [], findings: new Map() });
        expect(diff.findings.size === 0).toBe(content(desired).join(';') === content(actual).join(';'));
      }),
    );
  });
});
