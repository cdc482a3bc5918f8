import type { DockerNetworkId, NetworkName } from '../src/model/ids.js';

/**
 * What we are having Docker make and remove for the cluster's sake. Docker calls us for it as if a user had asked, and
 * here it can be told apart.
 */
export class NetworksUnderWay {
  /** Made here because another node has it: if it is gone from the records meanwhile, it must not come back by this. */
  readonly joining = new Set<NetworkName>();
  /** Removed here because it was removed elsewhere: nobody asks for its removal a second time. */
  readonly leaving = new Set<DockerNetworkId>();
}
