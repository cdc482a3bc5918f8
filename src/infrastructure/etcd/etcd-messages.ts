import type { ICompare, IEvent, IKeyValue, IRequestOp, ITxnRequest, ITxnResponse } from 'etcd3';
import type {
  Change,
  Compare,
  Revision,
  StoredValue,
  Transaction,
  TransactionOutcome,
  Write,
} from '../../effects/datastore.js';
import type { LeaseId } from '../../effects/leases.js';

/**
 * One request for compares, writes, and, if a compare fails, the compared keys as they are.
 *
 * @param lease that puts go with
 */
export function txnRequest({ compares, writes }: Transaction, lease?: LeaseId): ITxnRequest {
  return {
    compare: compares.map(compareOf),
    success: writes.map((write) => operationOf(write, lease)),
    failure: [...new Set(compares.map(({ key }) => key))].map((key) => ({ request_range: { key: bytes(key) } })),
  };
}

export function txnOutcome(response: ITxnResponse): TransactionOutcome {
  if (response.succeeded) return { kind: 'committed', revision: revisionOf(response.header.revision) };
  return {
    kind: 'conflict',
    current: response.responses.flatMap(({ response_range }) => response_range.kvs.map(storedValueOf)),
  };
}

/** All keys that begin with the prefix: up to the prefix with its last byte raised. */
export function rangeOf(prefix: string): { readonly key: Buffer; readonly range_end: Buffer } {
  const end = bytes(prefix);
  const last = end.length - 1;
  end.writeUInt8(end.readUInt8(last) + 1, last);
  return { key: bytes(prefix), range_end: end };
}

/** From the least to the greatest key that begins with one of the prefixes: what is between them is in it too. */
export function rangeOfAll(prefixes: readonly string[]): ReturnType<typeof rangeOf> {
  const ranges = prefixes.map(rangeOf);
  return {
    key: ranges.map(({ key }) => key).reduce((a, b) => (Buffer.compare(a, b) < 0 ? a : b)),
    range_end: ranges.map(({ range_end }) => range_end).reduce((a, b) => (Buffer.compare(a, b) > 0 ? a : b)),
  };
}

/** The least key that is greater. */
export const keyAfter = (key: Buffer): Buffer => Buffer.concat([key, Buffer.from([0])]);

export const storedValueOf = ({ key, value, mod_revision }: IKeyValue): StoredValue => ({
  key: key.toString(),
  value: value.toString(),
  revision: revisionOf(mod_revision),
});

export function changeOf({ type, kv }: IEvent): Change {
  const { key, value, revision } = storedValueOf(kv);
  return type === 'Put' ? { kind: 'put', key, value, revision } : { kind: 'delete', key, revision };
}

/** etcd's 64-bit count as text; a store needs centuries to reach 2^53. */
export const revisionOf = (text: string): Revision => Number(text) as Revision;

export const bytes = (text: string): Buffer => Buffer.from(text);

// An absent key's mod_revision is 0 to etcd, as ABSENT is here.
const compareOf = ({ key, revision }: Compare): ICompare => ({
  key: bytes(key),
  result: 'Equal',
  target: 'Mod',
  mod_revision: revision,
});

const operationOf = (write: Write, lease: LeaseId | undefined): IRequestOp =>
  write.kind === 'put'
    ? { request_put: { key: bytes(write.key), value: bytes(write.value), ...(lease !== undefined && { lease }) } }
    : { request_delete_range: { key: bytes(write.key) } };
