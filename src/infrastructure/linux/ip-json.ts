import { z } from 'zod';
import type { ReadTunnel } from '../../effects/network-stack.js';
import { type Cidr, hostCidr, networkOf, parseCidr } from '../../model/cidr.js';
import { InvalidRequestError, KernelError } from '../../model/errors.js';
import type { HostNetwork } from '../../model/host-network.js';
import type { InterfaceName } from '../../model/ids.js';
import { ADDRESS_BITS, familyOf, type IpAddress, ipAddressOrUndefined } from '../../model/ip-address.js';
import type { Link } from '../../model/link.js';
import type { MacAddress } from '../../model/mac-address.js';
import { type LinkAddress, type PermanentNeighbour, type Route, VIA_METRIC } from '../../model/route.js';
import { type Forwarding, isOurTunnel, VXLAN_ID, VXLAN_PORT } from '../../model/tunnel.js';

// Of what `ip -json` prints, the fields that we use. With a filter it prints `{}` for what it left out.
const linkSchema = z.object({
  ifname: z.string(),
  address: z.string().default(''),
  mtu: z.number(),
  flags: z.array(z.string()),
  group: z.string().default('default'),
  link: z.string().nullish(),
});
const routeSchema = z.object({
  type: z.string().optional(),
  dst: z.string(),
  dev: z.string().optional(),
  gateway: z.string().optional(),
  via: z.object({ host: z.string() }).optional(),
  metric: z.number().optional(),
  prefsrc: z.string().optional(),
});
const tunnelSchema = z.object({
  ifname: z.string(),
  address: z.string().default(''),
  mtu: z.number(),
  flags: z.array(z.string()),
  linkinfo: z.object({
    info_kind: z.string().optional(),
    info_data: z
      .object({
        id: z.number().optional(),
        port: z.number().optional(),
        local: z.string().optional(),
        local6: z.string().optional(),
        learning: z.boolean().optional(),
      })
      .optional(),
  }),
});
const forwardingSchema = z.object({ mac: z.string(), dst: z.string().optional() });
const addressSchema = z.object({
  ifname: z.string(),
  mtu: z.number(),
  addr_info: z.array(z.object({ local: z.string().optional(), prefixlen: z.number().optional() })).default([]),
});
const neighbourSchema = z.object({ dst: z.string(), dev: z.string(), lladdr: z.string().optional() });

/** @throws KernelError also for an empty list: every network namespace has its loopback */
export function parseLinks(json: string): readonly Link[] {
  const links = items(json, linkSchema, 'ip -json link');
  if (links.length === 0) throw unreadable('ip -json link', json);
  return links.map(({ ifname, address, mtu, flags, group, link }) => ({
    name: ifname as InterfaceName,
    mac: address,
    mtu,
    up: flags.includes('UP'),
    group,
    ...(link ? { peer: link as InterfaceName } : {}),
  }));
}

/** Routes of kinds that we do not make are left out. */
export function parseRoutes(json: string): readonly Route[] {
  const routes: Route[] = [];
  for (const { type, dst, dev, gateway, via, metric, prefsrc } of items(json, routeSchema, 'ip -json route')) {
    const destination = destinationOf(dst);
    if (destination === undefined) continue;
    const interfaceName = dev as InterfaceName | undefined;
    const nextHop = ipAddressOrUndefined(gateway ?? via?.host ?? '');
    if (type === 'blackhole') routes.push({ kind: 'blackhole', destination });
    else if (type !== undefined || interfaceName === undefined) continue;
    else if (nextHop === undefined) routes.push({ kind: 'link', destination, interfaceName });
    else if (metric === VIA_METRIC) {
      const source = ipAddressOrUndefined(prefsrc ?? '');
      const from = source === undefined ? {} : { source };
      routes.push({ kind: 'via', destination, gateway: nextHop, interfaceName, ...from });
    }
  }
  return routes;
}

export function parseNeighbours(json: string): readonly PermanentNeighbour[] {
  const neighbours: PermanentNeighbour[] = [];
  for (const { dst, dev, lladdr } of items(json, neighbourSchema, 'ip -json neigh')) {
    const address = ipAddressOrUndefined(dst);
    if (address === undefined || lladdr === undefined) continue;
    neighbours.push({ address, mac: lladdr as MacAddress, interfaceName: dev as InterfaceName });
  }
  return neighbours;
}

/** Of the links with the names of our tunnels; another's could not be ours by accident. */
export function parseTunnels(json: string): readonly ReadTunnel[] {
  return items(json, tunnelSchema, 'ip -json -details link').flatMap(({ ifname, address, mtu, flags, linkinfo }) => {
    const { info_kind: kind, info_data: data } = linkinfo;
    if (!isOurTunnel(ifname) || (kind !== 'vxlan' && kind !== 'ipip')) return [];
    const local = ipAddressOrUndefined(data?.local ?? data?.local6 ?? '');
    const name = ifname as InterfaceName;
    return [
      {
        kind,
        name,
        // One without it is of no use, and made anew.
        local: local ?? ('' as IpAddress),
        ...(kind === 'vxlan' ? { mac: address as MacAddress } : {}),
        mtu,
        up: flags.includes('UP'),
        sound: kind === 'ipip' || (data?.id === VXLAN_ID && data.port === VXLAN_PORT && data.learning === false),
      },
    ];
  });
}

/** Addresses that stand alone on their link, but for IPv6's link-local ones. */
export function parseLinkAddresses(json: string): readonly LinkAddress[] {
  return items(json, addressSchema, 'ip -json address').flatMap(({ ifname, addr_info }) =>
    addr_info.flatMap(({ local, prefixlen }) => {
      const address = ipAddressOrUndefined(local ?? '');
      if (address === undefined || /^fe[89ab]/.test(address)) return [];
      return prefixlen !== ADDRESS_BITS[familyOf(address)] ? [] : [{ address, interfaceName: ifname as InterfaceName }];
    }),
  );
}

export function parseForwardings(json: string, interfaceName: InterfaceName): readonly Forwarding[] {
  return items(json, forwardingSchema, 'bridge -json fdb').flatMap(({ mac, dst }) => {
    const remote = ipAddressOrUndefined(dst ?? '');
    return remote === undefined ? [] : [{ mac: mac as MacAddress, remote, interfaceName }];
  });
}

/** Without links of ours. */
export function parseHostNetworks(json: string): readonly HostNetwork[] {
  return items(json, addressSchema, 'ip -json address').flatMap(({ ifname, mtu, addr_info }) =>
    /^(cord|ctmp)/.test(ifname) || isOurTunnel(ifname)
      ? []
      : addr_info.flatMap(({ local, prefixlen }): readonly HostNetwork[] => {
          const address = ipAddressOrUndefined(local ?? '');
          if (address === undefined || prefixlen === undefined) return [];
          return [{ interfaceName: ifname as InterfaceName, mtu, address, network: networkOf(address, prefixlen) }];
        }),
  );
}

/** ip(8) writes one address without its prefix length. undefined: it is neither an address nor a network. */
export function destinationOf(text: string): Cidr | undefined {
  const address = ipAddressOrUndefined(text);
  if (address !== undefined) return hostCidr(address);
  try {
    return parseCidr(text);
  } catch (error) {
    if (error instanceof InvalidRequestError) return undefined;
    throw error;
  }
}

function items<T>(json: string, schema: z.ZodType<T>, source: string): readonly T[] {
  if (json.trim() === '') return [];
  try {
    const all = z.array(z.unknown()).parse(JSON.parse(json));
    return z.array(schema).parse(all.filter((item) => Object.keys(item as object).length > 0));
  } catch (cause) {
    throw unreadable(source, json, cause);
  }
}

const unreadable = (source: string, json: string, cause?: unknown): KernelError =>
  new KernelError(
    `the output of ${source} cannot be read: this version of iproute2 may be too old; install 5.0 or later`,
    json.slice(0, 200),
    { cause },
  );
