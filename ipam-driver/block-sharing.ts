import type { Block } from '../src/model/block.js';
import type { Cidr } from '../src/model/cidr.js';
import type { IpAddress } from '../src/model/ip-address.js';
import {
  DEFAULT_IPAM_SETTINGS,
  IPAM_SETTINGS_KEY,
  type IpamSettings,
  IpamSettingsRecord,
} from '../src/model/ipam-settings.js';
import { type IpamContext, isoNow } from './allocation-context.js';
import { NotOurBlockError } from './allocation-errors.js';
import { claim } from './block.js';
import type { Choice } from './choose-address.js';
import type { Draft } from './draft.js';

/** How nodes share a subnet's blocks: as `corduroy ipam configure` says when the transaction commits. */
export async function sharingRules(draft: Draft): Promise<IpamSettings> {
  const settings = await draft.read(IpamSettingsRecord, IPAM_SETTINGS_KEY);
  draft.guard(IPAM_SETTINGS_KEY);
  return settings ?? DEFAULT_IPAM_SETTINGS;
}

/** Those that this node may assign from freely. */
export async function ownBlocksIn(draft: Draft, context: IpamContext, subnet: Cidr): Promise<readonly Block[]> {
  const { node, ownBlocks } = context;
  return (await ownBlocks.in(draft, subnet)).filter((block) => block.node === node);
}

/** Whether this node may have one block more of the subnet. */
export async function mayClaim(draft: Draft, context: IpamContext, subnet: Cidr): Promise<boolean> {
  const { maxBlocksPerHost } = await sharingRules(draft);
  return maxBlocksPerHost === undefined || (await ownBlocksIn(draft, context, subnet)).length < maxBlocksPerHost;
}

/** The same choice, of a block that becomes this node's with it. */
export function claiming({ block, address }: Choice, context: IpamContext): Choice {
  context.ownBlocks.mayHave(block);
  return { block: claim(block, context.node, isoNow(context)), address };
}

/** @throws NotOurBlockError if nodes may not have addresses of each other's blocks */
export async function requireBorrowing(draft: Draft, address: IpAddress, block: Block): Promise<void> {
  draft.requireFresh();
  if ((await sharingRules(draft)).strictAffinity) throw new NotOurBlockError(address, block);
}
