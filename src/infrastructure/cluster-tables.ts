import { BgpPeerRecord, bgpPeerKey } from '../model/bgp-peer.js';
import { BGP_SETTINGS_KEY, BgpSettingsRecord } from '../model/bgp-settings.js';
import { type Endpoint, EndpointRecord, endpointKey } from '../model/endpoint.js';
import type { DockerNetworkId, EndpointId, NetworkName, NodeName, ProfileName } from '../model/ids.js';
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
import { EndpointShelf } from './endpoint-shelf.js';
import { RecordCompactor } from './record-compactor.js';
import { RecordTable } from './record-table.js';

export type ClusterTables = ReturnType<typeof clusterTables>;

/** One table for each kind that the cluster view shows, under the name its changes bear. */
export function clusterTables(onProblem: (key: string, problem: string) => void) {
  const compactor = new RecordCompactor();
  return {
    node: new RecordTable({
      kind: NodeRecord,
      nameOf: tailOf<NodeName>(NodeRecord.prefix),
      keyOf: ({ name }) => nodeKey(name),
      onProblem,
    }),
    pool: new RecordTable({
      kind: PoolRecord,
      nameOf: tailOf<string>(PoolRecord.prefix),
      keyOf: ({ cidr }) => poolKey(cidr),
      onProblem,
    }),
    profile: new RecordTable({
      kind: ProfileRecord,
      nameOf: tailOf<ProfileName>(ProfileRecord.prefix),
      keyOf: ({ name }) => profileKey(name),
      onProblem,
    }),
    network: new RecordTable({
      kind: NetworkRecord,
      nameOf: tailOf<NetworkName>(NetworkRecord.prefix),
      keyOf: ({ name }) => networkKey(name),
      onProblem,
    }),
    nodeNetwork: new RecordTable({
      kind: NodeNetworkRecord,
      nameOf: itself,
      keyOf: nodeNetworkKeyOf,
      compact: (key, nodeNetwork) => compactor.nodeNetwork(key, nodeNetwork),
      onProblem,
    }),
    configNetwork: new RecordTable({
      kind: ConfigNetworkRecord,
      nameOf: itself,
      keyOf: configNetworkKeyOf,
      onProblem,
    }),
    endpoint: new RecordTable({
      kind: EndpointRecord,
      nameOf: (key) => key.slice(key.lastIndexOf('/') + 1) as EndpointId,
      keyOf: ({ node, id }) => endpointKey(node, id),
      compact: (_, endpoint) => compactor.endpoint(endpoint),
      shelf: new EndpointShelf(),
      onProblem,
    }),
    bgpPeer: new RecordTable({ kind: BgpPeerRecord, nameOf: itself, keyOf: bgpPeerKey, onProblem }),
    bgpSettings: new RecordTable({
      kind: BgpSettingsRecord,
      nameOf: itself,
      keyOf: () => BGP_SETTINGS_KEY,
      onProblem,
    }),
  };
}

export type Kind = keyof ClusterTables;

/**
 * The kinds in groups that are followed each by itself. Blocks lie between those of BGP and the others in the store, and
 * whoever follows all as one range is sent every block as well.
 */
export function followedTogether(tables: ClusterTables): readonly (readonly Kind[])[] {
  const ofBgp: readonly Kind[] = ['bgpPeer', 'bgpSettings'];
  const others = (Object.keys(tables) as Kind[]).filter((kind) => !ofBgp.includes(kind));
  return [others, ofBgp];
}

/** The networks of one node alone, by Docker's id there; problems are told by the table of all nodes' networks. */
export function localNetworkTable(node: NodeName): RecordTable<NodeNetwork, DockerNetworkId> {
  const prefix = NodeNetworkRecord.key(node, '');
  return new RecordTable({
    kind: NodeNetworkRecord,
    prefix,
    nameOf: tailOf<DockerNetworkId>(prefix),
    keyOf: nodeNetworkKeyOf,
  });
}

/** The endpoints of one node alone. */
export function localEndpointTable(node: NodeName): RecordTable<Endpoint, EndpointId> {
  const prefix = EndpointRecord.key(node, '');
  return new RecordTable({
    kind: EndpointRecord,
    prefix,
    nameOf: tailOf<EndpointId>(prefix),
    keyOf: ({ id }) => endpointKey(node, id),
  });
}

/** What follows a beginning that all keys of a table have. */
const tailOf =
  <Name extends string>(prefix: string) =>
  (key: string): Name =>
    key.slice(prefix.length) as Name;
const itself = (key: string): string => key;
const configNetworkKeyOf = ({ node, network }: ConfigNetwork): string => configNetworkKey(node, network);
const nodeNetworkKeyOf = ({ node, dockerNetworkId }: NodeNetwork): string => nodeNetworkKey(node, dockerNetworkId);
