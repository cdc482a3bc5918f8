import { join } from 'node:path';
import { BgpSpeaker } from '../../routing/bgp/bgp-speaker.js';
import type { CorduroyConfig } from '../config/corduroy-config.js';
import type { CommandRunner } from '../effects/command-runner.js';
import type { Kernel } from '../effects/kernel.js';
import type { Logger } from '../effects/logger.js';
import { BirdDaemon } from '../infrastructure/bird/bird-daemon.js';
import type { NodeParts } from './node-parts.js';

/** In the data directory: BIRD's configuration, control socket and log. */
const BIRD_DIRECTORY = 'bird';

export const birdDirectory = ({ dataDir }: Pick<CorduroyConfig, 'dataDir'>): string => join(dataDir, BIRD_DIRECTORY);

/** BIRD and who cares for it. */
export interface Bgp {
  readonly daemon: BirdDaemon;
  readonly speaker: BgpSpeaker;
}

/** At rest. */
export function composeBgp(given: {
  readonly config: CorduroyConfig;
  readonly runner: CommandRunner;
  readonly kernel: Pick<Kernel, 'families'>;
  readonly node: Pick<NodeParts, 'store' | 'ownBlocks'>;
  readonly log: Logger;
}): Bgp {
  const { config, runner, kernel, node, log } = given;
  const { families } = kernel;
  const daemon = new BirdDaemon({ directory: birdDirectory(config), runner, families, log });
  const speaker = new BgpSpeaker({
    view: node.store,
    node: config.nodeName,
    ownBlocks: node.ownBlocks,
    daemon,
    families,
    logFile: daemon.logFile,
    log,
  });
  return { daemon, speaker };
}
