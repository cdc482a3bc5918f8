import { z } from 'zod';
import { parseDockerNetworkId, parseEndpointId } from '../model/ids.js';
import { type MacAddress, parseMacAddress } from '../model/mac-address.js';
import { parsed } from '../model/record.js';
import type {
  CreateEndpointRequest,
  CreateNetworkRequest,
  EndpointRequest,
  JoinRequest,
  NetworkRequest,
  PortBinding,
  ProgramExternalConnectivityRequest,
  SubnetData,
} from './network-driver.js';
import {
  interfaceAddress,
  ipAddress,
  listOf,
  looseCidr,
  looseInterfaceAddress,
  mapOf,
  optional,
  parseRequest,
} from './parse-request.js';

const DOCKER_PREFIX = 'com.docker.network.';
const PORT_MAP_KEY = `${DOCKER_PREFIX}portmap`;
const MAC_KEY = `${DOCKER_PREFIX}endpoint.macaddress`;

const networkId = parsed(parseDockerNetworkId);
const endpointId = parsed(parseEndpointId);

const ipamData = z
  .object({
    AddressSpace: z.string(),
    Pool: looseCidr,
    Gateway: optional(looseInterfaceAddress),
    AuxAddresses: mapOf(looseInterfaceAddress),
  })
  .transform(
    (d): SubnetData => ({
      addressSpace: d.AddressSpace,
      pool: d.Pool,
      ...(d.Gateway === undefined || d.Gateway.length === 0 ? {} : { gateway: d.Gateway.address }),
      auxAddresses: Object.values(d.AuxAddresses).map((aux) => aux.address),
    }),
  );

/** Docker's own word in `-o`, or as a flag: JSON booleans mostly, texts in some versions. */
const flag = z.union([z.boolean(), z.stringbool({ truthy: ['true', '1'], falsy: ['false', '0', ''] })]);

const createNetwork = z
  .object({
    NetworkID: networkId,
    Options: z
      .object({
        'com.docker.network.internal': flag.optional(),
        'com.docker.network.enable_ipv6': flag.optional(),
        'com.docker.network.generic': mapOf(z.string()),
      })
      .nullish(),
    IPv4Data: listOf(ipamData),
    IPv6Data: listOf(ipamData),
  })
  .transform(
    (r): CreateNetworkRequest => ({
      networkId: r.NetworkID,
      internal: r.Options?.['com.docker.network.internal'] ?? false,
      ipv6: r.Options?.['com.docker.network.enable_ipv6'] ?? false,
      options: r.Options?.['com.docker.network.generic'] ?? {},
      subnets: [...r.IPv4Data, ...r.IPv6Data],
    }),
  );

const mac = parsed(parseMacAddress);
const macFromBase64: z.ZodType<MacAddress> = parsed((text) =>
  parseMacAddress(
    Buffer.from(text, 'base64')
      .toString('hex')
      .replace(/(..)(?=.)/g, '$1:'),
  ),
);

const createEndpoint = z
  .object({
    NetworkID: networkId,
    EndpointID: endpointId,
    Interface: z
      .object({
        Address: optional(interfaceAddress(4)),
        AddressIPv6: optional(interfaceAddress(6)),
        MacAddress: optional(mac),
      })
      .nullish(),
    Options: z.looseObject({ [MAC_KEY]: optional(macFromBase64) }).nullish(),
  })
  .superRefine(({ Options }, context) => {
    for (const [key, value] of Object.entries(Options ?? {})) {
      if (typeof value === 'string' || key.startsWith('com.docker.')) continue;
      context.addIssue({ code: 'custom', path: ['Options', key], message: 'expected a text' });
    }
  })
  .transform(
    (r): CreateEndpointRequest => ({
      networkId: r.NetworkID,
      endpointId: r.EndpointID,
      interface: {
        address: r.Interface?.Address,
        address6: r.Interface?.AddressIPv6,
        mac: r.Interface?.MacAddress,
      },
      chosenMac: r.Options?.[MAC_KEY],
      options: Object.fromEntries(
        Object.entries(r.Options ?? {}).filter(
          (entry): entry is [string, string] => entry[0] !== MAC_KEY && typeof entry[1] === 'string',
        ),
      ),
    }),
  );

const endpoint = z
  .object({ NetworkID: networkId, EndpointID: endpointId })
  .transform((r): EndpointRequest => ({ networkId: r.NetworkID, endpointId: r.EndpointID }));

const join = z
  .object({ NetworkID: networkId, EndpointID: endpointId, SandboxKey: z.string().max(4096) })
  .transform((r): JoinRequest => ({ networkId: r.NetworkID, endpointId: r.EndpointID, sandboxKey: r.SandboxKey }));

const port = z.int().min(0).max(65_535);
const portBinding = z
  .object({
    Proto: z.int().min(0).max(255),
    Port: port.min(1),
    HostIP: optional(ipAddress),
    HostPort: port,
    HostPortEnd: port.default(0),
  })
  .transform(
    (b): PortBinding => ({
      protocol: b.Proto,
      containerPort: b.Port,
      hostIp: b.HostIP,
      hostPort: b.HostPort,
      hostPortEnd: b.HostPortEnd,
    }),
  );

const programExternalConnectivity = z
  .object({
    NetworkID: networkId,
    EndpointID: endpointId,
    Options: z.object({ [PORT_MAP_KEY]: listOf(portBinding) }).nullish(),
  })
  .transform(
    (r): ProgramExternalConnectivityRequest => ({
      networkId: r.NetworkID,
      endpointId: r.EndpointID,
      portMap: r.Options?.[PORT_MAP_KEY] ?? [],
    }),
  );

const network = z.object({ NetworkID: networkId }).transform((r): NetworkRequest => ({ networkId: r.NetworkID }));
const anything = z.looseObject({});

const parser =
  <T>(schema: z.ZodType<T>) =>
  (method: string, flags?: ReadonlyMap<string, string>) =>
  (body: unknown): T =>
    parseRequest(`NetworkDriver.${method}`, schema, body, flags);

export const parseCreateNetwork = parser(createNetwork)('CreateNetwork');
export const parseDeleteNetwork = parser(network)('DeleteNetwork');
export const parseCreateEndpoint = parser(createEndpoint)(
  'CreateEndpoint',
  new Map([['Interface.MacAddress', '--mac-address']]),
);
export const parseJoin = parser(join)('Join');
export const parseProgramExternalConnectivity = parser(programExternalConnectivity)('ProgramExternalConnectivity');
/** For the calls that name an endpoint and nothing else; `method` is for the message. */
export const parseEndpointRequest = parser(endpoint);
/** For the calls whose arguments we do not use: any JSON object will do, nothing will not. */
export const parseAnyObject = parser(anything);
