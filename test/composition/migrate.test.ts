import { beforeEach, describe, expect, test } from '@jest/globals';
import { migrate, requireUsable } from '../../src/composition/migrate.js';
import { systemClock } from '../../src/infrastructure/system-clock.js';
import { parseNodeName } from '../../src/model/ids.js';
import { MIGRATION_KEY } from '../../src/model/migration.js';
import { InMemoryDatastore } from '../fakes/in-memory-datastore.js';

const node = parseNodeName('alpha');
const key = (rest: string): string => `/corduroy/v1/${rest}`;

let here: InMemoryDatastore;
let there: InMemoryDatastore;

beforeEach(() => {
  here = new InMemoryDatastore();
  there = new InMemoryDatastore();
  for (let n = 0; n < 250; n++) here.put(key(`endpoint/alpha/${n}`), `{"n":${n}}`);
  here.put(key('node/alpha'), '{}');
  here.put(key('sighting/alpha'), '{}');
});

const source = () => ({ name: 'the embedded datastore', store: here });
const target = () => ({ name: 'etcd', store: there });
/** A store of one host knows no leases. */
const embedded = (store: InMemoryDatastore) => ({
  name: 'the embedded datastore',
  store: {
    get: (k: string) => store.get(k),
    list: (prefix: string) => store.list(prefix),
    transact: (transaction: Parameters<typeof store.transact>[0]) => store.transact(transaction),
  },
});
const move = (from = source(), to: Parameters<typeof migrate>[1] = target()) =>
  migrate(from, to, { node, clock: systemClock });
const records = (store: InMemoryDatastore) =>
  [...store.contents()].filter(([k]) => !k.startsWith(key('sighting/')) && k !== MIGRATION_KEY);

test('every record is there afterwards, and the source is not to be used', async () => {
  const before = records(here);
  expect(Object.fromEntries(await move())).toEqual({ endpoint: 250, node: 1 });
  expect([...there.contents()]).toEqual(before);
  await requireUsable(target());
  await expect(requireUsable(source())).rejects.toThrow('were moved to etcd at');
  await expect(move()).rejects.toThrow('were moved to etcd at');
});

test('what was moved away can be moved back, with what has changed since', async () => {
  await move();
  there.put(key('endpoint/alpha/0'), '{"n":"changed"}');
  there.write({ kind: 'delete', key: key('endpoint/alpha/1') });
  await migrate(target(), embedded(here), { node, clock: systemClock });
  expect(records(here)).toEqual(records(there));
  await requireUsable(source());
  await expect(requireUsable(target())).rejects.toThrow('were moved to the embedded datastore');
});

describe('refused, and nothing changes:', () => {
  test.each([
    ['a target with records of its own', () => there.put(key('pool/x'), '{}'), 'etcd holds 1 records already'],
    ['a daemon that lives', () => there.put(key('tenure/beta'), '{}'), 'daemons use etcd: beta'],
    [
      'an empty source',
      () => {
        here = new InMemoryDatastore();
      },
      'there is nothing to move',
    ],
  ])('%s', async (_name, spoil, message) => {
    spoil();
    const before = [here.contents(), there.contents()];
    await expect(move()).rejects.toThrow(message);
    expect([here.contents(), there.contents()]).toEqual(before);
  });

  test('records of several nodes for a store of one host', async () => {
    here.put(key('node/beta'), '{}');
    const before = here.contents();
    await expect(migrate(source(), embedded(there), { node, clock: systemClock })).rejects.toThrow(
      'the records of beta besides alpha',
    );
    expect([here.contents(), there.contents().size]).toEqual([before, 0]);
  });
});

test.each([1, 2, 3, 4, 5, 6, 7])('interrupted at transaction %d, it is done again from the start', async (nth) => {
  const before = records(here);
  let count = 0;
  const failing = (store: InMemoryDatastore, name: string) => ({
    name,
    store: {
      leases: store.leases,
      get: (k: string) => store.get(k),
      list: (prefix: string) => store.list(prefix),
      transact: (transaction: Parameters<typeof store.transact>[0]) => {
        count += 1;
        if (count === nth) throw new Error('the power failed');
        return store.transact(transaction);
      },
    },
  });
  const outcome = await migrate(failing(here, 'a'), failing(there, 'b'), { node, clock: systemClock }).catch(
    (error: Error) => error.message,
  );
  if (typeof outcome === 'string') {
    // At no moment can daemons use both.
    const usable = await Promise.allSettled([requireUsable(source()), requireUsable(target())]);
    expect(there.contents().size === 0 || usable.filter(({ status }) => status === 'fulfilled').length <= 1).toBe(true);
    await move();
  }
  expect([...there.contents()]).toEqual(before);
  await expect(requireUsable(source())).rejects.toThrow('were moved');
});
