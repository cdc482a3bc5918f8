import { silentLogger } from '../../../src/effects/logger.js';
import { EmbeddedDatastore } from '../../../src/infrastructure/embedded/embedded-datastore.js';
import { openLevelDisk } from '../../../src/infrastructure/embedded/level-disk.js';
import { type Account, accountKey, journalKey, WRITERS } from './crash-invariant.js';

/**
 * Run as a child: moves money between accounts until it is killed, several transfers at once, and prints the number of
 * each one after `transact` has resolved. Arguments: the store's directory, and the first number.
 */
const [directory = '', firstNumber = '0'] = process.argv.slice(2);
const store = await EmbeddedDatastore.open({
  directory,
  openDisk: () => openLevelDisk(directory),
  log: silentLogger,
});
let number = Number(firstNumber);

async function transferForEver(): Promise<never> {
  for (;;) {
    const from = await store.get(accountKey(number % 7));
    const to = await store.get(accountKey((number + 1 + (number % 5)) % 7));
    if (from === undefined || to === undefined || from.key === to.key) throw new Error('the accounts are not there');
    const mine = number++;
    const amount = mine % 10;
    const outcome = await store.transact({
      compares: [from, to],
      writes: [
        { kind: 'put', key: from.key, value: plus(from.value, -amount) },
        { kind: 'put', key: to.key, value: plus(to.value, amount) },
        { kind: 'put', key: journalKey(mine), value: 'done' },
        { kind: 'delete', key: journalKey(mine - 1_000) },
      ],
    });
    if (outcome.kind === 'committed') process.stdout.write(`${mine}\n`);
  }
}

function plus(text: string, amount: number): string {
  const account = JSON.parse(text) as Account;
  return JSON.stringify({ ...account, balance: account.balance + amount });
}

await Promise.all(Array.from({ length: WRITERS }, transferForEver));
