import type { Clock } from '../effects/clock.js';
import type { Datastore, StoredValue, Write } from '../effects/datastore.js';
import { ABSENT } from '../effects/datastore.js';
import { ConflictError, InternalError } from '../model/errors.js';
import type { NodeName } from '../model/ids.js';
import { MIGRATION_KEY, type Migration, MigrationRecord } from '../model/migration.js';
import { NodeRecord } from '../model/node.js';
import { SightingRecord, TenureRecord } from '../model/tenure.js';

/** One of the two stores, with the name that people know it by. */
export interface NamedStore {
  readonly name: string;
  readonly store: Pick<Datastore, 'get' | 'list' | 'transact' | 'leases'>;
}

/** How many records of each kind were moved, by the kind's part of the key. */
export type Moved = ReadonlyMap<string, number>;

const ALL = '/corduroy/v1/';
/** Below etcd's limit of 128 operations. */
const AT_ONCE = 100;
/** What daemons say of themselves means nothing in another store. */
const isOfDaemons = (key: string): boolean =>
  key.startsWith(TenureRecord.prefix) || key.startsWith(SightingRecord.prefix);

/**
 * Copies every record, compares the copy, and marks the source as moved, so that no daemon can go on with it by mistake.
 * No daemon may use either store. Again after an interruption: it begins anew.
 *
 * @throws ConflictError if daemons live, if the target has records of its own, or if they would be of several nodes in a
 * store of one host
 */
export async function migrate(
  source: NamedStore,
  target: NamedStore,
  { node, clock }: { readonly node: NodeName; readonly clock: Clock },
): Promise<Moved> {
  await requireNoDaemon(source);
  await requireNoDaemon(target);
  const records = await recordsOf(source);
  const there = await migrationOf(target);
  const here = await migrationOf(source);
  if (here?.state === 'arriving') throw new ConflictError(unfinished(source, here));
  if (here?.state === 'moved' && there?.state !== 'arriving') throw new ConflictError(alreadyMoved(source, here));
  if (records.length === 0) {
    throw new ConflictError(
      `${source.name} holds no records: there is nothing to move; start the daemon with ${target.name}`,
    );
  }
  if (target.store.leases === undefined) requireOneNode(records, node, source, target);
  await empty(target, there);
  const at = clock.now().toISOString();
  await mark(target, { state: 'arriving', other: source.name, at });
  await copy(records, target);
  await verify(records, target);
  await mark(source, { state: 'moved', other: target.name, at });
  await target.store.transact({ compares: [], writes: [{ kind: 'delete', key: MIGRATION_KEY }] });
  return countByKind(records);
}

/** @throws ConflictError if a daemon must not use the store */
export async function requireUsable({ name, store }: NamedStore): Promise<void> {
  const migration = await migrationOf({ name, store });
  if (migration?.state === 'moved') throw new ConflictError(alreadyMoved({ name }, migration));
  if (migration?.state === 'arriving') throw new ConflictError(unfinished({ name }, migration));
}

const alreadyMoved = ({ name }: { readonly name: string }, { other, at }: Migration): string =>
  `the records of ${name} were moved to ${other} at ${at}; use that one, or bring them back with "corduroy migrate"`;
const unfinished = ({ name }: { readonly name: string }, { other }: Migration): string =>
  `a move of records from ${other} to ${name} was not finished; run "corduroy migrate" again`;

async function migrationOf({ store }: NamedStore): Promise<Migration | undefined> {
  const stored = await store.get(MIGRATION_KEY);
  return stored && MigrationRecord.decode(MIGRATION_KEY, stored.value);
}

async function requireNoDaemon({ name, store }: NamedStore): Promise<void> {
  const { items } = await store.list(TenureRecord.prefix);
  const names = items.map(({ key }) => key.slice(TenureRecord.prefix.length));
  if (names.length === 0) return;
  throw new ConflictError(
    `daemons use ${name}: ${names.join(', ')}, and what they write meanwhile would be lost; stop them, and wait 12 seconds if one was killed`,
  );
}

function requireOneNode(records: readonly StoredValue[], node: NodeName, source: NamedStore, target: NamedStore): void {
  const others = records
    .filter(({ key }) => key.startsWith(NodeRecord.prefix))
    .map(({ key }) => key.slice(NodeRecord.prefix.length))
    .filter((name) => name !== node);
  if (others.length === 0) return;
  throw new ConflictError(
    `${target.name} is for one host, and ${source.name} has the records of ${others.join(', ')} besides ${node}; remove those nodes first with "corduroy node remove"`,
  );
}

async function recordsOf({ store }: NamedStore): Promise<readonly StoredValue[]> {
  const { items } = await store.list(ALL);
  return items.filter(({ key }) => key !== MIGRATION_KEY && !isOfDaemons(key));
}

/** Records that were moved away, or did not all arrive, are nobody's. */
async function empty(target: NamedStore, migration: Migration | undefined): Promise<void> {
  const records = await recordsOf(target);
  if (records.length > 0 && migration === undefined) {
    throw new ConflictError(
      `${target.name} holds ${records.length} records already, and two sets of addresses and networks cannot be merged; choose an empty one, or start the daemon with it as it is`,
    );
  }
  await inParts(records, target, ({ key }) => ({ write: { kind: 'delete', key }, absent: false }));
}

const copy = (records: readonly StoredValue[], target: NamedStore): Promise<void> =>
  inParts(records, target, ({ key, value }) => ({ write: { kind: 'put', key, value }, absent: true }));

async function inParts(
  records: readonly StoredValue[],
  { name, store }: NamedStore,
  change: (record: StoredValue) => { readonly write: Write; readonly absent: boolean },
): Promise<void> {
  for (let first = 0; first < records.length; first += AT_ONCE) {
    const changes = records.slice(first, first + AT_ONCE).map(change);
    const compares = changes.filter(({ absent }) => absent).map(({ write: { key } }) => ({ key, revision: ABSENT }));
    const outcome = await store.transact({ compares, writes: changes.map(({ write }) => write) });
    if (outcome.kind === 'conflict') {
      throw new ConflictError(
        `somebody else writes to ${name} at this moment; stop every daemon that uses it, and try again`,
      );
    }
  }
}

async function verify(records: readonly StoredValue[], target: NamedStore): Promise<void> {
  const arrived = new Map((await recordsOf(target)).map(({ key, value }) => [key, value]));
  const wrong = records.find(({ key, value }) => arrived.get(key) !== value);
  if (wrong === undefined && arrived.size === records.length) return;
  throw new InternalError(
    `${target.name} does not hold what was written to it${wrong === undefined ? '' : ` (${wrong.key})`}; nothing was changed in the source: look after the store, and try again`,
  );
}

async function mark({ store }: NamedStore, migration: Migration): Promise<void> {
  const value = MigrationRecord.encode(migration);
  await store.transact({ compares: [], writes: [{ kind: 'put', key: MIGRATION_KEY, value }] });
}

function countByKind(records: readonly StoredValue[]): Moved {
  const counts = new Map<string, number>();
  for (const { key } of records) {
    const kind = key.slice(ALL.length).split('/')[0] ?? '';
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}
