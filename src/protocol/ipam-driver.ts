import { z } from 'zod';
import type { Cidr } from '../model/cidr.js';
import { familyOf, type IpAddress } from '../model/ip-address.js';
import type { EmptyReply, Handler } from './call.js';
import { cidr, ipAddress, mapOf, optional, parseRequest } from './parse-request.js';

export interface RequestPoolRequest {
  readonly addressSpace: string;
  /** `--subnet`; absent: any. From 28 on `0.0.0.0/24` or `::/64` means "any of this size". */
  readonly pool?: Cidr | undefined;
  /** `--ip-range` */
  readonly subPool?: Cidr | undefined;
  /** `--ipam-opt` */
  readonly options: Readonly<Record<string, string>>;
  readonly v6: boolean;
}

export interface ReleasePoolRequest {
  /** May be of a pool that is long gone. */
  readonly poolId: string;
}

export interface RequestAddressRequest {
  readonly poolId: string;
  /** The address wanted; absent: any. */
  readonly address?: IpAddress | undefined;
  /** `any`: a container's, or an `--aux-address`: Docker does not tell which. */
  readonly purpose: 'gateway' | 'any';
  /** From 28 on: the container's name. */
  readonly endpointName?: string | undefined;
}

export interface ReleaseAddressRequest {
  readonly poolId: string;
  /** May be `0.0.0.0` or `::`, for a network without gateway. */
  readonly address: IpAddress;
}

export interface RequestPoolReply {
  readonly PoolID: string;
  readonly Pool: Cidr;
  readonly Data?: Readonly<Record<string, string>>;
}

export interface RequestAddressReply {
  /** With prefix length: a bare address is refused, and leaks. */
  readonly Address: string;
  readonly Data?: Readonly<Record<string, string>>;
}

/** One function for each method of Docker's IPAM driver that is not part of the handshake. */
export interface IpamDriverHandlers {
  readonly RequestPool: Handler<RequestPoolRequest, RequestPoolReply>;
  readonly ReleasePool: Handler<ReleasePoolRequest, EmptyReply>;
  readonly RequestAddress: Handler<RequestAddressRequest, RequestAddressReply>;
  readonly ReleaseAddress: Handler<ReleaseAddressRequest, EmptyReply>;
}

const poolId = z.string().max(512);

const requestPool = z
  .object({
    AddressSpace: z.string().max(256),
    Pool: optional(cidr),
    SubPool: optional(cidr),
    Options: mapOf(z.string()),
    V6: z.boolean().default(false),
  })
  .superRefine(({ Pool, SubPool, V6 }, context) => {
    for (const [field, value] of Object.entries({ Pool, SubPool })) {
      if (value === undefined || (familyOf(value) === 6) === V6) continue;
      context.addIssue({
        code: 'custom',
        path: [field],
        message: `${value} is not an IPv${V6 ? 6 : 4} network; write one of that family`,
      });
    }
  })
  .transform(
    (r): RequestPoolRequest => ({
      addressSpace: r.AddressSpace,
      pool: r.Pool,
      subPool: r.SubPool,
      options: r.Options,
      v6: r.V6,
    }),
  );

const releasePool = z.object({ PoolID: poolId }).transform((r): ReleasePoolRequest => ({ poolId: r.PoolID }));

const requestAddress = z
  .object({
    PoolID: poolId,
    Address: optional(ipAddress),
    Options: mapOf(z.unknown()),
  })
  .transform((r): RequestAddressRequest => {
    const name = r.Options['com.docker.network.endpoint.name'];
    return {
      poolId: r.PoolID,
      address: r.Address,
      purpose: r.Options['RequestAddressType'] === 'com.docker.network.gateway' ? 'gateway' : 'any',
      ...(typeof name === 'string' && name !== '' ? { endpointName: name } : {}),
    };
  });

const releaseAddress = z
  .object({ PoolID: poolId, Address: ipAddress })
  .transform((r): ReleaseAddressRequest => ({ poolId: r.PoolID, address: r.Address }));

const POOL_FLAGS = new Map([
  ['Pool', '--subnet'],
  ['SubPool', '--ip-range'],
]);

export const parseRequestPool = (body: unknown): RequestPoolRequest =>
  parseRequest('IpamDriver.RequestPool', requestPool, body, POOL_FLAGS);
export const parseReleasePool = (body: unknown): ReleasePoolRequest =>
  parseRequest('IpamDriver.ReleasePool', releasePool, body);
export const parseRequestAddress = (body: unknown): RequestAddressRequest =>
  parseRequest('IpamDriver.RequestAddress', requestAddress, body);
export const parseReleaseAddress = (body: unknown): ReleaseAddressRequest =>
  parseRequest('IpamDriver.ReleaseAddress', releaseAddress, body);
