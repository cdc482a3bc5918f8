import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { silentLogger } from '../../../src/effects/logger.js';
import { EmbeddedDatastore } from '../../../src/infrastructure/embedded/embedded-datastore.js';
import { openLevelDisk } from '../../../src/infrastructure/embedded/level-disk.js';
import { ACCOUNTS, type Account, accountKey, JOURNAL } from './crash-invariant.js';

const ROUNDS = 15;
/** The child is killed at a random moment of this span after its first acknowledgement. */
const KILL_WITHIN_MS = 250;
const WRITER = fileURLToPath(new URL('crash-writer.js', import.meta.url));

test(`nothing acknowledged is lost and nothing torn is read, ${ROUNDS} times killed while writing`, async () => {
  const parent = await mkdtemp(join(tmpdir(), 'corduroy-crash-'));
  const directory = join(parent, 'store');
  await openAccounts(directory);
  let next = 1_000;
  let acknowledgedInAll = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const acknowledged = await writeUntilKilled(directory, next);
    acknowledgedInAll += acknowledged.length;
    const { journal, balances } = await readBack(directory);
    const highest = Math.max(...journal);
    // A transfer also deletes the entry a thousand before its own: only younger ones can be asked for.
    const lost = acknowledged.filter((number) => number > highest - 900 && !journal.has(number));
    expect(lost).toEqual([]);
    expect(balances).toHaveLength(ACCOUNTS);
    expect(balances.reduce((sum, balance) => sum + balance, 0)).toBe(0);
    next = highest + 100;
  }
  expect(acknowledgedInAll).toBeGreaterThan(ROUNDS * 20);
  await rm(parent, { recursive: true });
});

const openStore = (directory: string): Promise<EmbeddedDatastore> =>
  EmbeddedDatastore.open({ directory, openDisk: () => openLevelDisk(directory), log: silentLogger });

async function openAccounts(directory: string): Promise<void> {
  const store = await openStore(directory);
  const account: Account = { balance: 0, padding: 'x'.repeat(2_000) };
  const numbers = Array.from({ length: ACCOUNTS }, (_, n) => n);
  await store.transact({
    compares: [],
    writes: numbers.map((n) => ({ kind: 'put', key: accountKey(n), value: JSON.stringify(account) })),
  });
  await store.close();
}

/** @returns the transfers that the child had acknowledged when it died */
async function writeUntilKilled(directory: string, firstNumber: number): Promise<number[]> {
  const child = spawn(process.execPath, [WRITER, directory, String(firstNumber)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (output === '') setTimeout(() => child.kill('SIGKILL'), Math.random() * KILL_WITHIN_MS);
    output += text;
  });
  expect(await endOf(child)).toBe('SIGKILL');
  // The last line may be cut short: only whole ones count as acknowledged.
  return output.split('\n').slice(0, -1).map(Number);
}

function endOf(child: ChildProcess): Promise<NodeJS.Signals | number | null> {
  return new Promise((resolve) => child.on('close', (code, signal) => resolve(signal ?? code)));
}

async function readBack(directory: string): Promise<{ journal: Set<number>; balances: number[] }> {
  const store = await openStore(directory);
  const journal = new Set((await store.list(JOURNAL)).items.map(({ key }) => Number(key.slice(JOURNAL.length))));
  const { items } = await store.list(accountKey(0).slice(0, -1));
  await store.close();
  return { journal, balances: items.map(({ value }) => (JSON.parse(value) as Account).balance) };
}
