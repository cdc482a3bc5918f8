import {
  ACTIVATE_REPLY,
  ADDRESS_SPACES_REPLY,
  IPAM_CAPABILITIES_REPLY,
  NETWORK_CAPABILITIES_REPLY,
} from '../protocol/activate.js';
import type { CallContext } from '../protocol/call.js';
import type { Subsystem } from '../protocol/error-response.js';
import {
  type IpamDriverHandlers,
  parseReleaseAddress,
  parseReleasePool,
  parseRequestAddress,
  parseRequestPool,
} from '../protocol/ipam-driver.js';
import type { NetworkDriverHandlers } from '../protocol/network-driver.js';
import {
  parseAnyObject,
  parseCreateEndpoint,
  parseCreateNetwork,
  parseDeleteNetwork,
  parseEndpointRequest,
  parseJoin,
  parseProgramExternalConnectivity,
} from '../protocol/parse-network-driver.js';

export interface PluginHandlers {
  readonly networkDriver: NetworkDriverHandlers;
  readonly ipamDriver: IpamDriverHandlers;
}

/** A method of the plugin API. */
export type PluginMethod =
  /** Part of the handshake: no arguments, always the same answer. */
  | { readonly kind: 'constant'; readonly subsystem: Subsystem; readonly reply: object }
  | {
      readonly kind: 'call';
      readonly subsystem: Subsystem;
      /** Reads the body, and returns what remains to be done. @throws InvalidRequestError */
      readonly prepare: (body: unknown) => (context: CallContext) => Promise<object>;
    };

/** All methods by their path, such as `/NetworkDriver.Join`. */
export function pluginMethods({ networkDriver, ipamDriver }: PluginHandlers): ReadonlyMap<string, PluginMethod> {
  const methods = new Map<string, PluginMethod>();
  const constant = (subsystem: Subsystem, method: string, reply: object) =>
    methods.set(`/${subsystem}.${method}`, { kind: 'constant', subsystem, reply });
  const call =
    (subsystem: Subsystem) =>
    <Request>(
      method: string,
      parse: (body: unknown) => Request,
      handle: (request: Request, context: CallContext) => Promise<object>,
    ) =>
      methods.set(`/${subsystem}.${method}`, {
        kind: 'call',
        subsystem,
        prepare: (body) => {
          const request = parse(body);
          return (context) => handle(request, context);
        },
      });

  constant('Plugin', 'Activate', ACTIVATE_REPLY);
  constant('NetworkDriver', 'GetCapabilities', NETWORK_CAPABILITIES_REPLY);
  constant('IpamDriver', 'GetCapabilities', IPAM_CAPABILITIES_REPLY);
  constant('IpamDriver', 'GetDefaultAddressSpaces', ADDRESS_SPACES_REPLY);

  const ipam = call('IpamDriver');
  ipam('RequestPool', parseRequestPool, ipamDriver.RequestPool);
  ipam('ReleasePool', parseReleasePool, ipamDriver.ReleasePool);
  ipam('RequestAddress', parseRequestAddress, ipamDriver.RequestAddress);
  ipam('ReleaseAddress', parseReleaseAddress, ipamDriver.ReleaseAddress);

  const network = call('NetworkDriver');
  network('CreateNetwork', parseCreateNetwork, networkDriver.CreateNetwork);
  network('DeleteNetwork', parseDeleteNetwork, networkDriver.DeleteNetwork);
  network('CreateEndpoint', parseCreateEndpoint, networkDriver.CreateEndpoint);
  network('Join', parseJoin, networkDriver.Join);
  network('ProgramExternalConnectivity', parseProgramExternalConnectivity, networkDriver.ProgramExternalConnectivity);
  for (const name of ['EndpointOperInfo', 'RevokeExternalConnectivity', 'Leave', 'DeleteEndpoint'] as const) {
    network(name, parseEndpointRequest(name), networkDriver[name]);
  }
  for (const name of ['AllocateNetwork', 'FreeNetwork', 'DiscoverNew', 'DiscoverDelete', 'GwAllocCheck'] as const) {
    network(name, parseAnyObject(name), networkDriver[name]);
  }
  return methods;
}
