import { expect, test } from '@jest/globals';
import { requireReadable } from '../../src/composition/newer-records.js';
import { parseNodeName } from '../../src/model/ids.js';
import { InMemoryDatastore } from '../fakes/in-memory-datastore.js';

const node = parseNodeName('alpha');
const text = (version: number): string => `{"apiVersion":"corduroy/v${version}","kind":"Any"}`;

function storeOf(records: Readonly<Record<string, string>>): InMemoryDatastore {
  const store = new InMemoryDatastore();
  for (const [rest, value] of Object.entries(records)) store.put(`/corduroy/v1/${rest}`, value);
  return store;
}
const ask = (records: Readonly<Record<string, string>>) =>
  requireReadable({ name: 'the embedded datastore', store: storeOf(records) }, node);

test.each(['node/alpha', 'nodenetwork/alpha/1', 'endpoint/alpha/1'])(
  'a daemon does not go on with %s of a newer form',
  async (key) => {
    await expect(ask({ 'node/alpha': text(1), [key]: text(2) })).rejects.toThrow(
      /^a newer version of corduroy wrote 1 of this host's \d records in the embedded datastore \(corduroy\/v2\), and this is .*; install that version again: containers keep connectivity and policy meanwhile$/,
    );
  },
);

test("it does with another node's of a newer form, with broken ones, and with none", async () => {
  await ask({});
  await ask({
    'node/alpha': text(1),
    'endpoint/alpha/1': 'broken',
    'node/alphabet': text(2),
    'endpoint/beta/1': text(2),
  });
});
