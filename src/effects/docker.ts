import type { DockerNetworkId, EndpointId } from '../model/ids.js';
import type { SubnetPlan } from '../model/network-plan.js';

/** One network as the engine has it now, whoever drives it. */
export interface DockerNetwork {
  readonly id: DockerNetworkId;
  readonly name: string;
  readonly driver: string;
  readonly ipamDriver: string;
  /** `local`, or `swarm` for a network that the swarm's managers hand out. */
  readonly scope: string;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  /** In Docker's order. */
  readonly subnets: readonly SubnetPlan[];
  /** What the user passed with `-o`. */
  readonly options: Readonly<Record<string, string>>;
  /** What the user passed with `--ipam-opt`. */
  readonly ipamOptions: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Endpoints that Docker has on this network now. The id is absent from the moment the endpoint exists until it has joined. */
  readonly endpoints: ReadonlyMap<
    EndpointId,
    { readonly containerName: string; readonly containerId?: string | undefined }
  >;
}

export interface DockerContainer {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Networks that it is on, or will be on when it is started, by name. */
  readonly networks: readonly string[];
}

/** What a container was started with and Docker keeps to itself: no call of a driver's has it. */
export interface ContainerWishes {
  /** Ports of the container that `-p` or `-P` would publish, such as `80/tcp`. */
  readonly published: readonly string[];
  /** `--link-local-ip`, by the network's name; networks without are left out. */
  readonly linkLocalAddresses: ReadonlyMap<string, readonly string[]>;
}

/** What Docker tells of its own accord. */
export type DockerEvent =
  | { readonly kind: 'connected' }
  | { readonly kind: 'networkCreated' | 'networkRemoved'; readonly networkId: DockerNetworkId }
  /** `docker network prune`, or one of everything, has ended. */
  | { readonly kind: 'networksPruned' }
  | {
      readonly kind: 'endpointJoined' | 'endpointLeft';
      readonly networkId: DockerNetworkId;
      readonly containerId: string;
    }
  | { readonly kind: 'containerRenamed' | 'containerDied'; readonly containerId: string };

/**
 * The engine's API, as far as it can be asked from inside a plugin call without a deadlock: lists and network
 * inspection. Every call has a short deadline; undefined means "not known now".
 */
export interface Docker {
  network(id: DockerNetworkId, signal?: AbortSignal): Promise<DockerNetwork | undefined | 'absent'>;
  /** Networks of our driver, or with addresses from it; never one that is not known whole. */
  networks(signal?: AbortSignal): Promise<readonly DockerNetwork[] | undefined>;
  /** Stopped ones too. */
  containers(signal?: AbortSignal): Promise<readonly DockerContainer[] | undefined>;
  /** Undefined also if there is none of that name. */
  containerByName(name: string, signal?: AbortSignal): Promise<DockerContainer | undefined>;
  /** Never from inside a plugin call: a container that is being started is not told of. Undefined also if it is gone. */
  wishes(containerId: string, signal?: AbortSignal): Promise<ContainerWishes | undefined>;
  /** Why the last question was not answered, with what to do, in one sentence; undefined: it was. */
  lastSilence(): string | undefined;
  /** Reconnects by itself; `connected` is told each time, because events may have been missed before it. */
  events(listener: (event: DockerEvent) => void): { close(): void };
}
