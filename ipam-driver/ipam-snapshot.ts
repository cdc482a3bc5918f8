import type { Datastore } from '../src/effects/datastore.js';
import { type Block, BlockRecord } from '../src/model/block.js';
import type { CorruptRecordError } from '../src/model/errors.js';
import { type Handle, HandleRecord } from '../src/model/handle.js';
import { type Pool, PoolRecord } from '../src/model/pool.js';
import type { RecordKind } from '../src/model/record.js';
import { type Subnet, type SubnetHold, SubnetHoldRecord, SubnetRecord } from '../src/model/subnet.js';
import { byCidr } from './cidr-order.js';
import { mapInSteps } from './in-steps.js';
import { decodeStored } from './record-cache.js';

/** Everything that address management keeps in the datastore. The kinds are read one after the other. */
export interface IpamSnapshot {
  readonly pools: readonly Pool[];
  readonly subnets: readonly Subnet[];
  readonly holds: readonly SubnetHold[];
  readonly blocks: readonly Block[];
  readonly handles: readonly Handle[];
  readonly corrupt: readonly CorruptRecordError[];
}

export async function readSnapshot(datastore: Pick<Datastore, 'list'>): Promise<IpamSnapshot> {
  const corrupt: CorruptRecordError[] = [];
  const read = <T>(kind: RecordKind<T>): Promise<readonly T[]> => readAllOf(datastore, kind, corrupt);
  const pools = byCidr(await read(PoolRecord));
  const subnets = byCidr(await read(SubnetRecord));
  const holds = await read(SubnetHoldRecord);
  const blocks = byCidr(await read(BlockRecord));
  return { pools, subnets, holds, blocks, handles: await read(HandleRecord), corrupt };
}

/** @param corrupt gets those that cannot be read */
export async function readAllOf<T>(
  datastore: Pick<Datastore, 'list'>,
  kind: RecordKind<T>,
  corrupt: CorruptRecordError[],
): Promise<readonly T[]> {
  const values: T[] = [];
  const { items } = await datastore.list(kind.prefix);
  for (const record of await mapInSteps(items, (item) => decodeStored(kind, item))) {
    if ('corrupt' in record) corrupt.push(record.corrupt);
    else values.push(record.value as T);
  }
  return values;
}
