import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import type { Change, FollowUpdate, Revision, StoredValue } from '../../src/effects/datastore.js';
import { RecordTable } from '../../src/infrastructure/record-table.js';
import { defineRecord } from '../../src/model/record.js';

interface Thing {
  readonly name: string;
  readonly size: number;
}
const ThingRecord = defineRecord<Thing>('Thing', z.object({ name: z.string(), size: z.number() }));
const revision = (n: number): Revision => n as Revision;
const put = (name: string, size: number, at: number): Change & { kind: 'put' } => ({
  kind: 'put',
  key: ThingRecord.key(name),
  value: ThingRecord.encode({ name, size }),
  revision: revision(at),
});
const remove = (name: string, at: number): Change => ({
  kind: 'delete',
  key: ThingRecord.key(name),
  revision: revision(at),
});
const part = (at: number, items: readonly StoredValue[], ends: { first?: boolean; last?: boolean }): FollowUpdate => ({
  kind: 'part',
  items,
  revision: revision(at),
  first: ends.first ?? false,
  last: ends.last ?? false,
});
const snapshot = (at: number, ...items: readonly StoredValue[]): FollowUpdate =>
  part(at, items, { first: true, last: true });
const changes = (...list: Change[]): FollowUpdate => ({
  kind: 'changes',
  changes: list,
  revision: revision(Math.max(...list.map((change) => change.revision))),
});

function aTable() {
  const problems: string[] = [];
  const table = new RecordTable({
    kind: ThingRecord,
    nameOf: (key) => key.slice(ThingRecord.prefix.length),
    keyOf: ({ name }) => ThingRecord.key(name),
    onProblem: (key, problem) => problems.push(`${key}: ${problem}`),
  });
  const sizes = () => Object.fromEntries([...table.entries].map(([name, { value }]) => [name, value.size]));
  return { table, problems, sizes };
}

test('a commit of ours shows at once, and the watch telling it again is no change', () => {
  const { table, sizes } = aTable();
  table.applyUpdate(snapshot(1));
  expect(table.applyCommit([put('a', 1, 2)])).toEqual([
    { key: ThingRecord.key('a'), before: undefined, after: { name: 'a', size: 1 } },
  ]);
  expect(table.applyUpdate(changes(put('a', 1, 2)))).toEqual([]);
  expect(sizes()).toEqual({ a: 1 });
});

test('the watch telling older news after our commit does not undo it', () => {
  const { table, sizes } = aTable();
  table.applyUpdate(snapshot(1));
  table.applyCommit([put('a', 3, 3), remove('b', 4)]);
  expect(table.applyUpdate(changes(put('a', 2, 2), put('b', 2, 2)))).toEqual([]);
  expect(sizes()).toEqual({ a: 3 });
});

test('a snapshot from before our commit neither removes what we wrote nor restores what we deleted', () => {
  const { table, sizes } = aTable();
  table.applyCommit([put('new', 1, 5), remove('old', 6)]);
  table.applyUpdate(snapshot(4, put('old', 1, 2), put('other', 1, 3)));
  expect(sizes()).toEqual({ new: 1, other: 1 });
});

test('a new snapshot arrives as the changes it makes', () => {
  const { table } = aTable();
  table.applyUpdate(snapshot(3, put('gone', 1, 1), put('same', 1, 2), put('other', 1, 3)));
  expect(table.applyUpdate(snapshot(9, put('same', 1, 2), put('other', 2, 8), put('new', 1, 9)))).toEqual([
    { key: ThingRecord.key('gone'), before: { name: 'gone', size: 1 }, after: undefined },
    { key: ThingRecord.key('other'), before: { name: 'other', size: 1 }, after: { name: 'other', size: 2 } },
    { key: ThingRecord.key('new'), before: undefined, after: { name: 'new', size: 1 } },
  ]);
});

test('a store restored from a backup is believed, though its revisions went back', () => {
  const { table, sizes } = aTable();
  table.applyUpdate(snapshot(90, put('a', 1, 50), put('b', 1, 90)));
  table.applyUpdate(snapshot(10, put('a', 7, 10)));
  expect(sizes()).toEqual({ a: 7 });
  table.applyUpdate(changes(put('b', 8, 11)));
  expect(sizes()).toEqual({ a: 7, b: 8 });
});

test('writing the same again moves the revision and tells nothing', () => {
  const { table } = aTable();
  table.applyUpdate(snapshot(2, put('a', 1, 2)));
  expect(table.applyUpdate(changes(put('a', 1, 3)))).toEqual([]);
  expect(table.entries.get('a')?.revision).toBe(3);
});

test('a text that does not parse removes the value, is told once, and heals', () => {
  const { table, problems, sizes } = aTable();
  table.applyUpdate(snapshot(2, put('a', 1, 2)));
  const broken = { ...put('a', 1, 3), value: '{"apiVersion":"corduroy/v1","kind":"Thing","name":"a","size":"big"}' };
  expect(table.applyUpdate(changes(broken))).toEqual([
    { key: ThingRecord.key('a'), before: { name: 'a', size: 1 }, after: undefined },
  ]);
  table.applyUpdate(snapshot(4, broken));
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain('field "size"');
  expect([...table.problems.keys()]).toEqual([ThingRecord.key('a')]);
  table.applyUpdate(changes(put('a', 2, 5)));
  expect([...table.problems.keys()]).toEqual([]);
  expect(sizes()).toEqual({ a: 2 });
});

test('a record under a key that is not its own is a problem, not a second one of that name', () => {
  const { table, problems, sizes } = aTable();
  table.applyUpdate(snapshot(3, put('a', 1, 2), { ...put('a', 9, 3), key: ThingRecord.key('z') }));
  expect(sizes()).toEqual({ a: 1 });
  expect(problems.join()).toContain('belongs at /corduroy/v1/thing/a');
});

test('of two keys with one name the last heard of counts, and the other is told to be gone', () => {
  const key = (place: string, name: string) => ThingRecord.key(place, name);
  const table = new RecordTable({
    kind: ThingRecord,
    nameOf: (text) => text.slice(text.lastIndexOf('/') + 1),
    keyOf: ({ name, size }) => key(`${size}`, name),
  });
  const at = (place: number, revisionOf: number) => ({ ...put('a', place, revisionOf), key: key(`${place}`, 'a') });
  table.applyUpdate(snapshot(2, at(1, 2)));
  const [one, two] = [
    { name: 'a', size: 1 },
    { name: 'a', size: 2 },
  ];
  expect(table.applyUpdate(changes(at(2, 3)))).toEqual([
    { key: key('1', 'a'), before: one, after: undefined },
    { key: key('2', 'a'), before: undefined, after: two },
  ]);
  expect(table.applyUpdate(changes({ kind: 'delete', key: key('1', 'a'), revision: revision(4) }))).toEqual([]);
  expect([...table.entries.values()]).toEqual([{ value: two, revision: 3 }]);
  expect(table.applyUpdate(snapshot(5))).toEqual([{ key: key('2', 'a'), before: two, after: undefined }]);
});

test('parts of the first snapshot show as they come, and those of a later one together with the last', () => {
  const { table, sizes } = aTable();
  table.applyUpdate(part(5, [put('a', 1, 1)], { first: true }));
  expect(sizes()).toEqual({ a: 1 });
  table.applyUpdate(part(5, [put('b', 1, 2)], { last: true }));
  table.applyUpdate(part(9, [put('b', 2, 7)], { first: true }));
  table.applyUpdate(part(9, [put('c', 1, 8)], {}));
  expect(sizes()).toEqual({ a: 1, b: 1 });
  expect(table.applyUpdate(part(9, [], { last: true })).map(({ key }) => key)).toEqual(
    ['a', 'b', 'c'].map((name) => ThingRecord.key(name)),
  );
  expect(sizes()).toEqual({ b: 2, c: 1 });
});

test('a snapshot that was not finished counts no more when another begins', () => {
  const { table, sizes } = aTable();
  table.applyUpdate(snapshot(3, put('a', 1, 1), put('b', 1, 2)));
  table.applyUpdate(part(5, [put('a', 5, 5)], { first: true }));
  table.applyUpdate(part(7, [put('b', 1, 2)], { first: true }));
  table.applyUpdate(part(7, [], { last: true }));
  expect(sizes()).toEqual({ b: 1 });
});

/** A history of one store, and the order in which a node hears of it: own commits early or late, the watch in bursts. */
const histories = fc.record({
  steps: fc.array(fc.record({ name: fc.constantFrom('a', 'b', 'c'), size: fc.option(fc.nat(3)), ours: fc.boolean() }), {
    maxLength: 25,
  }),
  // Each number picks who is heard next, and whether a watch burst is a new snapshot.
  schedule: fc.array(fc.nat(99), { minLength: 10, maxLength: 60 }),
});

test('whatever the interleaving of own commits and the watch, the table ends as the store, and its changes add up', () => {
  fc.assert(
    fc.property(histories, ({ steps, schedule }) => {
      const history = steps.map(({ name, size }, i) => (size === null ? remove(name, i + 2) : put(name, size, i + 2)));
      const storeAt = (count: number): StoredValue[] => {
        const store = new Map<string, StoredValue>();
        for (const change of history.slice(0, count)) {
          if (change.kind === 'put') store.set(change.key, change);
          else store.delete(change.key);
        }
        return [...store.values()];
      };
      const commits = history.filter((_, i) => steps[i]?.ours);
      const { table } = aTable();
      const listened = new Map<string, unknown>();
      const hear = (told: readonly { key: string; before: unknown; after: unknown }[]): void => {
        for (const { key, before, after } of told) {
          expect(before).toEqual(listened.get(key));
          if (after === undefined) listened.delete(key);
          else listened.set(key, after);
        }
      };
      let watched = 0;
      const commitOne = (pick: number): void => {
        if (commits.length > 0) hear(table.applyCommit([commits.splice(pick % commits.length, 1)[0] as Change]));
      };
      /** In two parts, with a commit of ours in between; sometimes the first part is all that came of one before it. */
      const takeSnapshot = (pick = 0): void => {
        const items = storeAt(watched);
        const half = pick % (items.length + 1);
        const first = part(watched + 1, items.slice(0, half), { first: true });
        if (pick % 5 === 0) hear(table.applyUpdate(first));
        hear(table.applyUpdate(first));
        if (pick % 2 === 0) commitOne(pick);
        hear(table.applyUpdate(part(watched + 1, items.slice(half), { last: true })));
      };
      takeSnapshot();
      for (const pick of [...schedule, ...Array<number>(60).fill(0)]) {
        if (pick % 3 === 1 && commits.length > 0) {
          commitOne(pick);
        } else if (pick % 3 === 2) {
          takeSnapshot(pick);
        } else {
          const burst = history.slice(watched, watched + 1 + (pick % 4));
          watched += burst.length;
          if (burst.length > 0) hear(table.applyUpdate(changes(...burst)));
        }
      }
      for (const commit of commits) hear(table.applyCommit([commit]));
      const expected = new Map(
        storeAt(history.length).map((item) => [item.key, ThingRecord.decode(item.key, item.value)]),
      );
      expect(new Map([...table.entries].map(([name, { value }]) => [ThingRecord.key(name), value]))).toEqual(expected);
      expect(listened).toEqual(expected);
    }),
    { numRuns: 2_000 },
  );
});
