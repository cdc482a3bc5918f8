import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { CorruptRecordError, splitRemedy } from '../../src/model/errors.js';
import { defineRecord } from '../../src/model/record.js';

const Thing = defineRecord('Thing', z.object({ name: z.string() }));
const KEY = Thing.key('a');

const refusalOf = (record: object): CorruptRecordError => {
  try {
    Thing.decode(KEY, JSON.stringify(record));
  } catch (error) {
    if (error instanceof CorruptRecordError) return error;
    throw error;
  }
  throw new Error('the record was read');
};

test('a record of a newer version is not called broken: who reads it is told to upgrade, and to leave it alone', () => {
  const { key, message } = refusalOf({ apiVersion: 'corduroy/v2', kind: 'Thing', name: 'a', better: true });
  expect(key).toBe(KEY);
  expect(splitRemedy(message)).toEqual({
    problem: `the record at ${KEY} cannot be read: field "apiVersion": a newer version of corduroy wrote it (corduroy/v2)`,
    remedy: 'upgrade this daemon again, and leave the record as it is',
  });
});

test.each(['corduroy/v0', 'corduroy/vX', 'calico/v2', 7, undefined])(
  'a record of version %s is broken',
  (apiVersion) => {
    const { message } = refusalOf({ apiVersion, kind: 'Thing', name: 'a' });
    expect(message).toMatch(/field "apiVersion": .*; correct or delete it in the datastore$/);
  },
);

test('fields that a later program of the same version added are passed over', () => {
  const record = { apiVersion: 'corduroy/v1', kind: 'Thing', name: 'a', added: 1 };
  expect(Thing.decode(KEY, JSON.stringify(record))).toEqual({ name: 'a' });
});
