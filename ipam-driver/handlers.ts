import { hostCidr, prefixLengthOf } from '../src/model/cidr.js';
import { DeadlineExceededError, InvalidRequestError } from '../src/model/errors.js';
import type { IpAddress } from '../src/model/ip-address.js';
import { type CallContext, EMPTY_REPLY, type EmptyReply } from '../src/protocol/call.js';
import type {
  IpamDriverHandlers,
  ReleaseAddressRequest,
  ReleasePoolRequest,
  RequestAddressReply,
  RequestAddressRequest,
  RequestPoolReply,
  RequestPoolRequest,
} from '../src/protocol/ipam-driver.js';
import type { Allocator } from './allocator.js';
import { formatPoolId, type PoolId, parsePoolId } from './pool-id.js';
import type { Reservations } from './reservations.js';
import type { SubnetRegistry } from './subnet-registry.js';

interface Parts {
  readonly allocator: Allocator;
  readonly reservations: Reservations;
  readonly registry: SubnetRegistry;
  /** Whether the network that a pool reference is for exists yet. */
  readonly isNetworkMade: (id: PoolId) => Promise<boolean>;
}

/** Docker's calls for pools and addresses. What a call had begun when its deadline came is undone by the call itself. */
export function createIpamDriverHandlers(parts: Parts): IpamDriverHandlers {
  return {
    RequestPool: (request, context) => requestPool(parts, request, context),
    ReleasePool: (request, context) => releasePool(parts, request, context),
    RequestAddress: (request, context) => requestAddress(parts, request, context),
    ReleaseAddress: (request, context) => releaseAddress(parts, request, context),
  };
}

async function requestPool(
  { registry }: Parts,
  request: RequestPoolRequest,
  context: CallContext,
): Promise<RequestPoolReply> {
  const poolName = poolOption(request.options);
  const id = await registry.request({
    family: request.v6 ? 6 : 4,
    cidr: request.pool,
    range: request.subPool,
    poolName,
  });
  if (context.signal.aborted) {
    await registry.release(id);
    throw tooLate(`a subnet for the network`);
  }
  return { PoolID: formatPoolId(id), Pool: id.subnet };
}

async function releasePool(
  { registry }: Parts,
  request: ReleasePoolRequest,
  { log }: CallContext,
): Promise<EmptyReply> {
  const id = knownPoolId(request.poolId);
  const released = id !== undefined && (await registry.release(id));
  if (!released) log.debug({ poolId: request.poolId }, 'a pool was released that was not held');
  return EMPTY_REPLY;
}

async function requestAddress(
  parts: Parts,
  request: RequestAddressRequest,
  { signal }: CallContext,
): Promise<RequestAddressReply> {
  const id = parsePoolId(request.poolId);
  if (request.purpose === 'gateway') {
    const gateway = await parts.reservations.reserve(id, 'gateway', request.address);
    return { Address: `${gateway}/${prefixLengthOf(id.subnet)}` };
  }
  if (request.address !== undefined && (await isAuxiliary(parts, request, id))) {
    const address = await parts.reservations.reserve(id, 'auxiliary', request.address);
    return { Address: hostCidr(address) };
  }
  const address =
    request.address === undefined
      ? await parts.allocator.assignAny(id, signal)
      : await parts.allocator.assignNamed(id, request.address, signal);
  if (signal.aborted) {
    await parts.allocator.release(id, address);
    throw tooLate(`address ${address}`);
  }
  return { Address: hostCidr(address) };
}

async function releaseAddress(
  parts: Parts,
  { poolId, address }: ReleaseAddressRequest,
  { log }: CallContext,
): Promise<EmptyReply> {
  const id = knownPoolId(poolId);
  if (id === undefined || isUnspecified(address)) {
    log.debug({ poolId, address }, 'an address was released that we never gave');
    return EMPTY_REPLY;
  }
  if (!(await parts.reservations.release(id, address))) await parts.allocator.release(id, address);
  return EMPTY_REPLY;
}

/**
 * Docker asks for an `--aux-address` and for a container's `--ip` in the same words. But a container comes to a network
 * that is there, and from 28 on tells its name; an auxiliary address comes before the network is made.
 */
async function isAuxiliary(parts: Parts, request: RequestAddressRequest, id: PoolId): Promise<boolean> {
  return request.endpointName === undefined && !(await parts.isNetworkMade(id));
}

/** @throws InvalidRequestError for an option that we do not know */
function poolOption(options: Readonly<Record<string, string>>): string | undefined {
  const unknown = Object.keys(options).filter((name) => name !== 'pool');
  if (unknown.length > 0)
    throw new InvalidRequestError(
      `--ipam-opt ${unknown.map((name) => name.slice(0, 60)).join(', ')} is not known; the only one is pool=NAME, which chooses the pool of the network`,
    );
  const name = options['pool'];
  if (name !== '') return name;
  throw new InvalidRequestError(`--ipam-opt pool= names no pool; give a name that "corduroy pool list" shows`);
}

function knownPoolId(text: string): PoolId | undefined {
  try {
    return parsePoolId(text);
  } catch (error) {
    if (error instanceof InvalidRequestError) return undefined;
    throw error;
  }
}

/** Docker's word for "no gateway". */
const isUnspecified = (address: IpAddress): boolean => address === '0.0.0.0' || address === '::';

const tooLate = (what: string): DeadlineExceededError =>
  new DeadlineExceededError(
    `${what} was not there within the deadline, and was given back; look at "corduroy status" and try again`,
  );
