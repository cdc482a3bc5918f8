import type { Cidr } from '../model/cidr.js';
import type { DockerNetworkId, EndpointId } from '../model/ids.js';
import type { IpAddress } from '../model/ip-address.js';
import type { MacAddress } from '../model/mac-address.js';
import type { EmptyReply, Handler } from './call.js';
import type { InterfaceAddress } from './parse-request.js';

/** One subnet of a network, as IPAM gave it to Docker. */
export interface SubnetData {
  readonly addressSpace: string;
  readonly pool: Cidr;
  /** Absent: none, or the hint `0.0.0.0/0`. */
  readonly gateway?: IpAddress | undefined;
  readonly auxAddresses: readonly IpAddress[];
}

export interface CreateNetworkRequest {
  readonly networkId: DockerNetworkId;
  readonly internal: boolean;
  readonly ipv6: boolean;
  /** `-o NAME=VALUE`, as typed. */
  readonly options: Readonly<Record<string, string>>;
  /** IPv4 first. */
  readonly subnets: readonly SubnetData[];
}

/** One entry of Docker's port map. */
export interface PortBinding {
  /** IP protocol number: 6, 17 or 132. */
  readonly protocol: number;
  readonly containerPort: number;
  /** As Docker wrote it, if it wrote one. */
  readonly hostIp?: IpAddress | undefined;
  /** 0: any that is free. */
  readonly hostPort: number;
  /** Last of the range to choose from; 0 if there is none. */
  readonly hostPortEnd: number;
}

export interface CreateEndpointRequest {
  readonly networkId: DockerNetworkId;
  readonly endpointId: EndpointId;
  readonly interface: {
    readonly address?: InterfaceAddress | undefined;
    readonly address6?: InterfaceAddress | undefined;
    /** Set already: the reply must not repeat it. */
    readonly mac?: MacAddress | undefined;
  };
  /** What the user asked for with `--mac-address`, told once more by Docker among the options. */
  readonly chosenMac?: MacAddress | undefined;
  /** `driver-opt`, and what Docker says under `com.docker.` as text. */
  readonly options: Readonly<Record<string, string>>;
}

/** The calls that name an endpoint and nothing else. */
export interface EndpointRequest {
  readonly networkId: DockerNetworkId;
  readonly endpointId: EndpointId;
}

export interface JoinRequest extends EndpointRequest {
  /** Path of the container's network namespace, which may not exist yet. */
  readonly sandboxKey: string;
}

export interface ProgramExternalConnectivityRequest extends EndpointRequest {
  /** The whole container's, in no order. */
  readonly portMap: readonly PortBinding[];
}

export interface NetworkRequest {
  readonly networkId: DockerNetworkId;
}

/** Docker fails the call if the reply sets what the request had set. */
export interface CreateEndpointReply {
  readonly Interface?: { readonly MacAddress: MacAddress };
}

export interface EndpointOperInfoReply {
  readonly Value: Readonly<Record<string, string>>;
}

export interface StaticRoute {
  readonly Destination: Cidr;
  /** 0: by NextHop; 1: on the link. */
  readonly RouteType: 0 | 1;
  readonly NextHop: IpAddress | '';
}

export interface JoinReply {
  readonly InterfaceName: { readonly SrcName: string; readonly DstPrefix: string };
  /** `""`: none. */
  readonly Gateway: IpAddress | '';
  readonly GatewayIPv6: IpAddress | '';
  readonly StaticRoutes: readonly StaticRoute[];
  readonly DisableGatewayService: boolean;
}

export interface AllocateNetworkReply {
  readonly Options: Readonly<Record<string, string>>;
}

export interface GwAllocCheckReply {
  readonly SkipIPv4: boolean;
  readonly SkipIPv6: boolean;
}

/** One function for each method of Docker's network driver that is not part of the handshake. */
export interface NetworkDriverHandlers {
  readonly CreateNetwork: Handler<CreateNetworkRequest, EmptyReply>;
  readonly DeleteNetwork: Handler<NetworkRequest, EmptyReply>;
  readonly CreateEndpoint: Handler<CreateEndpointRequest, CreateEndpointReply>;
  readonly DeleteEndpoint: Handler<EndpointRequest, EmptyReply>;
  readonly EndpointOperInfo: Handler<EndpointRequest, EndpointOperInfoReply>;
  readonly Join: Handler<JoinRequest, JoinReply>;
  readonly Leave: Handler<EndpointRequest, EmptyReply>;
  readonly ProgramExternalConnectivity: Handler<ProgramExternalConnectivityRequest, EmptyReply>;
  readonly RevokeExternalConnectivity: Handler<EndpointRequest, EmptyReply>;
  readonly AllocateNetwork: Handler<unknown, AllocateNetworkReply>;
  readonly FreeNetwork: Handler<unknown, EmptyReply>;
  readonly DiscoverNew: Handler<unknown, EmptyReply>;
  readonly DiscoverDelete: Handler<unknown, EmptyReply>;
  readonly GwAllocCheck: Handler<unknown, GwAllocCheckReply>;
}
