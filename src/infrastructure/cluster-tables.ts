import { BgpPeerRecord, bgpPeerKey } from '../model/bgp-peer.js';
import { BGP_SETTINGS_KEY, BgpSettingsRecord } from '../model/bgp-settings.js';
import { cidrKey } from '../model/cidr.js';
import { type Endpoint, EndpointRecord, endpointKey } from '../model/endpoint.js';
import type { DockerNetworkId, EndpointId, NodeName } from '../model/ids.js';
import {
  type ConfigNetwork,
  ConfigNetworkRecord,
  configNetworkKey,
  NetworkRecord,
  type NodeNetwork,
  NodeNetworkRecord,
  networkKey,
  nodeNetworkKey,
} from '../model/network.js';
import { NodeRecord, nodeKey } from '../model/node.js';
import { PoolRecord, poolKey } from '../model/pool.js';
import { ProfileRecord, profileKey } from '../model/profile.js';
import { RecordCompactor } from './record-compactor.js';
import { RecordTable } from './record-table.js';

export type ClusterTables = ReturnType<typeof clusterTables>;

/** One table for each kind that the cluster view shows, under the name its changes bear. */
export function clusterTables(onProblem: (key: string, problem: string) => void) {
  const compactor = new RecordCompactor();
  return {
    node: new RecordTable({
      kind: NodeRecord,
      nameOf: ({ name }) => name,
      keyOf: ({ name }) => nodeKey(name),
      onProblem,
    }),
    pool: new RecordTable({
      kind: PoolRecord,
      nameOf: ({ cidr }) => cidrKey(cidr),
      keyOf: ({ cidr }) => poolKey(cidr),
      onProblem,
    }),
    profile: new RecordTable({
      kind: ProfileRecord,
      nameOf: ({ name }) => name,
      keyOf: ({ name }) => profileKey(name),
      onProblem,
    }),
    network: new RecordTable({
      kind: NetworkRecord,
      nameOf: ({ name }) => name,
      keyOf: ({ name }) => networkKey(name),
      onProblem,
    }),
    nodeNetwork: new RecordTable({
      kind: NodeNetworkRecord,
      nameOf: nodeNetworkKeyOf,
      keyOf: nodeNetworkKeyOf,
      compact: (key, nodeNetwork) => compactor.nodeNetwork(key, nodeNetwork),
      onProblem,
    }),
    configNetwork: new RecordTable({
      kind: ConfigNetworkRecord,
      nameOf: configNetworkKeyOf,
      keyOf: configNetworkKeyOf,
      onProblem,
    }),
    endpoint: new RecordTable({
      kind: EndpointRecord,
      nameOf: ({ id }) => id,
      keyOf: ({ node, id }) => endpointKey(node, id),
      compact: (key, endpoint) => compactor.endpoint(key, endpoint),
      onProblem,
    }),
    bgpPeer: new RecordTable({ kind: BgpPeerRecord, nameOf: bgpPeerKey, keyOf: bgpPeerKey, onProblem }),
    bgpSettings: new RecordTable({
      kind: BgpSettingsRecord,
      nameOf: () => BGP_SETTINGS_KEY,
      keyOf: () => BGP_SETTINGS_KEY,
      onProblem,
    }),
  };
}

/** The networks of one node alone, by Docker's id there; problems are told by the table of all nodes' networks. */
export function localNetworkTable(node: NodeName): RecordTable<NodeNetwork, DockerNetworkId> {
  return new RecordTable({
    kind: NodeNetworkRecord,
    prefix: NodeNetworkRecord.key(node, ''),
    nameOf: ({ dockerNetworkId }) => dockerNetworkId,
    keyOf: nodeNetworkKeyOf,
  });
}

/** The endpoints of one node alone. */
export function localEndpointTable(node: NodeName): RecordTable<Endpoint, EndpointId> {
  return new RecordTable({
    kind: EndpointRecord,
    prefix: EndpointRecord.key(node, ''),
    nameOf: ({ id }) => id,
    keyOf: ({ id }) => endpointKey(node, id),
  });
}

const configNetworkKeyOf = ({ node, network }: ConfigNetwork): string => configNetworkKey(node, network);
const nodeNetworkKeyOf = ({ node, dockerNetworkId }: NodeNetwork): string => nodeNetworkKey(node, dockerNetworkId);
