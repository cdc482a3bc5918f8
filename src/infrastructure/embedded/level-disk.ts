import { chmod, readdir } from 'node:fs/promises';
import { ClassicLevel } from 'classic-level';
import type { Change, Revision, StoredValue } from '../../effects/datastore.js';
import { DatastoreUnavailableError } from '../../model/errors.js';
import { makeDirectory } from '../make-directory.js';
import type { Disk } from './disk.js';
import { Fingerprint } from './fingerprint.js';

/** Layout of the keys below. A store with another number is a newer corduroy's. */
const FORMAT = '1';
const FORMAT_KEY = 'format';
/** Its value is the last revision, a space, and the fingerprint of all rows. */
const STATE_KEY = 'state';
/** Before each stored key; its value is the revision, a space, and the text. */
const KEY_MARK = '=';
/** etcd's first revision, that of a store in which nothing was written. */
const FIRST_REVISION = 1 as Revision;

/**
 * A LevelDB directory: each write is one batch in its log, synced, and guarded by a checksum. One process at a time.
 *
 * @throws DatastoreUnavailableError saying who is in the way, or what is damaged, and the remedy
 */
export async function openLevelDisk(directory: string): Promise<Disk> {
  try {
    await makeDirectory(directory, 0o700);
    await chmod(directory, 0o700);
    await requireWhole(directory);
    const level = new ClassicLevel<string, string>(directory);
    await level.open();
    return new LevelDisk(directory, level);
  } catch (cause) {
    throw cause instanceof DatastoreUnavailableError ? cause : cannotOpen(directory, cause);
  }
}

class LevelDisk implements Disk {
  readonly #directory: string;
  readonly #level: ClassicLevel<string, string>;
  readonly #fingerprint = new Fingerprint();

  constructor(directory: string, level: ClassicLevel<string, string>) {
    this.#directory = directory;
    this.#level = level;
  }

  async load(): Promise<{ readonly items: readonly StoredValue[]; readonly revision: Revision }> {
    const rows = await this.#readAll();
    const format = rows.get(FORMAT_KEY);
    if (format === undefined && rows.size > 0) throw damaged(this.#directory, 'it holds no format number');
    if (format === undefined) await this.#level.put(FORMAT_KEY, FORMAT, { sync: true });
    else if (format !== FORMAT) throw newer(this.#directory, format);
    const [revision = FIRST_REVISION, sum = 0] = rows.get(STATE_KEY)?.split(' ').map(Number) ?? [];
    const items = [...rows].filter(([key]) => key.startsWith(KEY_MARK)).map(([key, row]) => this.#parse(key, row));
    for (const item of items) this.#fingerprint.apply({ kind: 'put', ...item });
    if (this.#fingerprint.sum !== sum) throw damaged(this.#directory, 'some of what was written is missing or altered');
    return { items, revision: revision as Revision };
  }

  async write(changes: readonly Change[], revision: Revision): Promise<void> {
    for (const change of changes) this.#fingerprint.apply(change);
    const operations = changes.map((change) =>
      change.kind === 'put'
        ? ({ type: 'put', key: KEY_MARK + change.key, value: `${change.revision} ${change.value}` } as const)
        : ({ type: 'del', key: KEY_MARK + change.key } as const),
    );
    const state = { type: 'put', key: STATE_KEY, value: `${revision} ${this.#fingerprint.sum}` } as const;
    await this.#level.batch([...operations, state], { sync: true });
  }

  close(): Promise<void> {
    return this.#level.close();
  }

  async #readAll(): Promise<Map<string, string>> {
    try {
      return new Map(await this.#level.iterator().all());
    } catch (error) {
      throw cannotOpen(this.#directory, error);
    }
  }

  #parse(markedKey: string, row: string): StoredValue {
    const key = markedKey.slice(KEY_MARK.length);
    const space = row.indexOf(' ');
    const revision = Number(row.slice(0, space));
    if (space > 0 && Number.isSafeInteger(revision)) {
      return { key, value: row.slice(space + 1), revision: revision as Revision };
    }
    throw damaged(this.#directory, `the row of ${key} has no revision`);
  }
}

/** LevelDB would make a fresh, empty store where its file CURRENT alone is gone. */
async function requireWhole(directory: string): Promise<void> {
  const files = await readdir(directory);
  if (!files.includes('CURRENT') && files.some((file) => /^MANIFEST-|\.(ldb|log)$/.test(file))) {
    throw damaged(directory, 'its file CURRENT is missing');
  }
}

function cannotOpen(directory: string, error: unknown): DatastoreUnavailableError {
  const { cause, code, text } = innermost(error);
  if (code === 'LEVEL_LOCKED') {
    return new DatastoreUnavailableError(
      `the datastore in ${directory} is in use: another corduroy daemon runs on this host; stop it, or set dataDir to another directory`,
      { cause },
    );
  }
  if (code === 'LEVEL_CORRUPTION' || /corrupt|(CURRENT|MANIFEST|\.ldb).*no such file/i.test(text)) {
    return damaged(directory, text, cause);
  }
  return new DatastoreUnavailableError(
    `the datastore in ${directory} cannot be opened: ${text}; see that the directory can be written by root and its disk has room, or set dataDir to another one`,
    { cause },
  );
}

/** classic-level wraps LevelDB's own error, which has the code. */
function innermost(error: unknown): {
  readonly cause: unknown;
  readonly code: string | undefined;
  readonly text: string;
} {
  let cause = error as { readonly cause?: unknown; readonly code?: string; readonly message?: string };
  while (typeof cause.cause === 'object' && cause.cause !== null) cause = cause.cause;
  return { cause, code: cause.code, text: cause.message ?? String(error) };
}

const damaged = (directory: string, how: string, cause?: unknown): DatastoreUnavailableError =>
  new DatastoreUnavailableError(
    `the datastore in ${directory} is damaged: ${how}; put a backup of the directory in its place, or move it away to begin with an empty one`,
    { cause },
  );

const newer = (directory: string, format: string): DatastoreUnavailableError =>
  new DatastoreUnavailableError(
    `the datastore in ${directory} has format ${JSON.stringify(format)} and this corduroy reads ${FORMAT}: a newer one wrote it; install that version, or set dataDir to another directory`,
  );
