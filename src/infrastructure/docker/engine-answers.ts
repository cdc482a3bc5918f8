import { z } from 'zod';
import type { ContainerWishes, DockerContainer, DockerEvent, DockerNetwork } from '../../effects/docker.js';
import { parseCidr } from '../../model/cidr.js';
import { parseDockerNetworkId, parseEndpointId } from '../../model/ids.js';
import { parseIpAddress } from '../../model/ip-address.js';
import type { SubnetPlan } from '../../model/network-plan.js';
import { parsed } from '../../model/record.js';

/** Docker writes `null` for what is empty. */
const texts = z.record(z.string(), z.string()).nullish();

const listedNetwork = z.object({
  Id: z.string(),
  Driver: z.string(),
  IPAM: z.object({ Driver: z.string().nullish() }).nullish(),
});

const subnetConfig = z.object({
  Subnet: z.string().optional(),
  Gateway: z.string().optional(),
  IPRange: z.string().optional(),
  AuxiliaryAddresses: texts,
});

const inspectedNetwork = z.object({
  Id: parsed(parseDockerNetworkId),
  Name: z.string(),
  Driver: z.string(),
  Scope: z.string().optional(),
  Internal: z.boolean().optional(),
  Attachable: z.boolean().optional(),
  EnableIPv4: z.boolean().optional(),
  EnableIPv6: z.boolean().optional(),
  IPAM: z.object({ Driver: z.string().nullish(), Options: texts, Config: z.array(subnetConfig).nullish() }),
  Options: texts,
  Labels: texts,
  Containers: z.record(z.string(), z.object({ Name: z.string(), EndpointID: parsed(parseEndpointId) })).nullish(),
});

const listedContainer = z.object({
  Id: z.string(),
  Names: z.array(z.string()).nullish(),
  Image: z.string(),
  State: z.string(),
  Labels: texts,
  NetworkSettings: z.object({ Networks: z.record(z.string(), z.unknown()).nullish() }).nullish(),
});

const inspectedContainer = z.object({
  Config: z.object({ ExposedPorts: z.record(z.string(), z.unknown()).nullish() }),
  HostConfig: z.object({
    PublishAllPorts: z.boolean().optional(),
    PortBindings: z.record(z.string(), z.unknown()).nullish(),
  }),
  NetworkSettings: z.object({
    Networks: z
      .record(z.string(), z.object({ IPAMConfig: z.object({ LinkLocalIPs: z.array(z.string()).nullish() }).nullish() }))
      .nullish(),
  }),
});

const event = z.object({
  Type: z.string(),
  Action: z.string(),
  Actor: z.object({ ID: z.string(), Attributes: texts }),
});

/** Id and drivers of each network in `GET /networks`, which tells endpoints of none. @throws ZodError */
export function parseNetworkList(
  json: unknown,
): readonly { readonly id: string; readonly driver: string; readonly ipamDriver: string }[] {
  return z
    .array(listedNetwork)
    .parse(json)
    .map(({ Id, Driver, IPAM }) => ({ id: Id, driver: Driver, ipamDriver: IPAM?.Driver ?? 'default' }));
}

/**
 * `GET /networks/{id}`. While an endpoint joins, it is listed under `ep-` and its own id; afterwards under its
 * container's id.
 *
 * @throws ZodError, InvalidRequestError
 */
export function parseNetwork(json: unknown): DockerNetwork {
  const network = inspectedNetwork.parse(json);
  return {
    id: network.Id,
    name: network.Name,
    driver: network.Driver,
    ipamDriver: network.IPAM.Driver ?? 'default',
    scope: network.Scope ?? 'local',
    internal: network.Internal ?? false,
    attachable: network.Attachable ?? false,
    ipv4: network.EnableIPv4 ?? true,
    ipv6: network.EnableIPv6 ?? false,
    subnets: (network.IPAM.Config ?? []).flatMap(parseSubnet),
    options: network.Options ?? {},
    ipamOptions: network.IPAM.Options ?? {},
    labels: network.Labels ?? {},
    endpoints: new Map(
      Object.entries(network.Containers ?? {}).map(([key, { Name, EndpointID }]) => [
        EndpointID,
        { containerName: Name, ...(key.startsWith('ep-') ? {} : { containerId: key }) },
      ]),
    ),
  };
}

function parseSubnet({ Subnet, Gateway, IPRange, AuxiliaryAddresses }: z.infer<typeof subnetConfig>): SubnetPlan[] {
  if (Subnet === undefined || Subnet === '') return [];
  // Some engines write the gateway of an IPv6 subnet with its prefix length.
  const gateway = Gateway?.replace(/\/.*$/, '');
  const auxiliary = Object.entries(AuxiliaryAddresses ?? {}).map(([name, text]) => [name, parseIpAddress(text)]);
  return [
    {
      cidr: parseCidr(Subnet),
      ...(gateway ? { gateway: parseIpAddress(gateway) } : {}),
      ...(IPRange ? { range: parseCidr(IPRange) } : {}),
      auxiliary: Object.fromEntries(auxiliary),
    },
  ];
}

/** `GET /containers/json`. A container's own name is the one without a second slash: others are links. @throws ZodError */
export function parseContainerList(json: unknown): readonly DockerContainer[] {
  return z
    .array(listedContainer)
    .parse(json)
    .map(({ Id, Names, Image, State, Labels, NetworkSettings }) => ({
      id: Id,
      name: (Names ?? []).map((name) => name.replace(/^\//, '')).find((name) => !name.includes('/')) ?? '',
      state: State,
      image: Image,
      labels: Labels ?? {},
      networks: Object.keys(NetworkSettings?.Networks ?? {}),
    }));
}

/** `GET /containers/{id}/json` @throws ZodError */
export function parseWishes(json: unknown): ContainerWishes {
  const { Config, HostConfig, NetworkSettings } = inspectedContainer.parse(json);
  const bound = Object.keys(HostConfig.PortBindings ?? {});
  const exposed = HostConfig.PublishAllPorts ? Object.keys(Config.ExposedPorts ?? {}) : [];
  const linkLocal = Object.entries(NetworkSettings.Networks ?? {}).flatMap(([name, { IPAMConfig }]) => {
    const addresses = IPAMConfig?.LinkLocalIPs ?? [];
    return addresses.length === 0 ? [] : [[name, addresses] as const];
  });
  return { published: [...new Set([...bound, ...exposed])], linkLocalAddresses: new Map(linkLocal) };
}

/** One line of `GET /events`; undefined for what we do not follow. `isOurs` judges by the network's driver. */
export function parseEvent(json: unknown, isOurs: (driver: string) => boolean): DockerEvent | undefined {
  const result = event.safeParse(json);
  if (!result.success) return undefined;
  const { Type, Action, Actor } = result.data;
  if (Type === 'container') {
    if (Action === 'rename') return { kind: 'containerRenamed', containerId: Actor.ID };
    return Action === 'die' ? { kind: 'containerDied', containerId: Actor.ID } : undefined;
  }
  if (Type === 'network' && Action === 'prune') return { kind: 'networksPruned' };
  if (Type !== 'network' || !isOurs(Actor.Attributes?.['type'] ?? '')) return undefined;
  const networkId = parsed(parseDockerNetworkId).safeParse(Actor.ID).data;
  return networkId && networkEvent(Action, networkId, Actor.Attributes?.['container'] ?? '');
}

function networkEvent(action: string, networkId: DockerNetwork['id'], containerId: string): DockerEvent | undefined {
  switch (action) {
    case 'create':
      return { kind: 'networkCreated', networkId };
    case 'destroy':
      return { kind: 'networkRemoved', networkId };
    case 'connect':
      return { kind: 'endpointJoined', networkId, containerId };
    case 'disconnect':
      return { kind: 'endpointLeft', networkId, containerId };
    default:
      return undefined;
  }
}
