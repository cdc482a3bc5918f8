import { z } from 'zod';
import type { ForeignRoute, HostFacts } from '../../effects/host-facts.js';
import { HOST_INTERFACE_PREFIX } from '../../model/ids.js';
import { leadsToBlocks } from './ip-host-routes.js';
import { destinationOf } from './ip-json.js';

const linkSchema = z.object({
  ifname: z.string(),
  mtu: z.number(),
  flags: z.array(z.string()),
  addr_info: z.array(z.object({ scope: z.string().optional() })).optional(),
});
const routeSchema = z.object({ dst: z.string(), dev: z.string().optional(), protocol: z.string().optional() });

/** Links towards other hosts, in what `ip -j address` prints; neither ours nor an engine's. */
export function uplinksOf(json: string | undefined): HostFacts['uplinks'] {
  return parseItems(json, linkSchema)
    .filter(({ ifname, flags }) => !flags.includes('LOOPBACK') && !ENGINE_LINK.test(ifname))
    .filter(({ addr_info }) => addr_info?.some(({ scope }) => scope === 'global') === true)
    .map(({ ifname, mtu }) => ({ name: ifname, mtu }));
}

const ENGINE_LINK = new RegExp(`^(docker|br-|veth|virbr|${HOST_INTERFACE_PREFIX})`);

/** Routes that are not ours, in what `ip -N -j route` prints, but for the default one and link-local ones. */
export function routesOf(json: string | undefined): ForeignRoute[] {
  return parseItems(json, routeSchema).flatMap(({ dst, dev, protocol }) => {
    if (
      dst === 'default' ||
      dev === undefined ||
      leadsToBlocks(protocol) ||
      dev.startsWith(HOST_INTERFACE_PREFIX) ||
      dst.startsWith('fe80:')
    )
      return [];
    const destination = destinationOf(dst);
    return destination === undefined ? [] : [{ destination, interfaceName: dev }];
  });
}

/** Items of other shapes are left out, as `{}` is, which iproute2 prints for what a filter took out. */
function parseItems<T>(json: string | undefined, schema: z.ZodType<T>): readonly T[] {
  const all = parseJson(json);
  return (Array.isArray(all) ? all : []).flatMap((item) => {
    const { data } = schema.safeParse(item);
    return data === undefined ? [] : [data];
  });
}

function parseJson(json: string | undefined): unknown {
  try {
    return JSON.parse(json ?? '');
  } catch {
    return undefined;
  }
}
