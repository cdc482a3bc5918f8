import { z } from 'zod';
import { type Cidr, parseCidr } from './cidr.js';
import type { NetworkName } from './ids.js';
import { type IpAddress, parseIpAddress } from './ip-address.js';
import { parsed } from './record.js';

/** One subnet with what was chosen in it. */
export interface SubnetPlan {
  readonly cidr: Cidr;
  readonly gateway?: IpAddress | undefined;
  /** `--ip-range`: where containers' addresses are chosen. */
  readonly range?: Cidr | undefined;
  /** `--aux-address`, by name. */
  readonly auxiliary: Readonly<Record<string, IpAddress>>;
}

/** What `docker network create` is told beside name, drivers and `--internal`: enough to say it again elsewhere. */
export interface NetworkRecipe {
  /** Empty: one is carved from a pool. */
  readonly subnets: readonly SubnetPlan[];
  /** False only with `--ipv4=false`, which Docker knows from 28 on. */
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  readonly attachable: boolean;
  readonly options: Readonly<Record<string, string>>;
  readonly ipamOptions: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** What `docker network create` is told, but for the drivers, which are ours. */
export interface NetworkPlan extends NetworkRecipe {
  readonly name: NetworkName;
  readonly internal: boolean;
}

const texts = z.record(z.string(), z.string());

export const networkRecipe: z.ZodType<NetworkRecipe> = z.object({
  subnets: z.array(
    z.object({
      cidr: parsed(parseCidr),
      gateway: parsed(parseIpAddress).optional(),
      range: parsed(parseCidr).optional(),
      auxiliary: z.record(z.string(), parsed(parseIpAddress)),
    }),
  ),
  ipv4: z.boolean(),
  ipv6: z.boolean(),
  attachable: z.boolean(),
  options: texts,
  ipamOptions: texts,
  labels: texts,
});
