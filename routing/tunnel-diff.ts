import type { NetworkCommand, ReadTunnel } from '../src/effects/network-stack.js';
import type { InterfaceName } from '../src/model/ids.js';
import type { LinkAddress, PermanentNeighbour } from '../src/model/route.js';
import type { Forwarding, TunnelDevice } from '../src/model/tunnel.js';
import type { WantedTunnels } from './wanted-tunnels.js';

/** What there is of tunnels, as it was read or as we left it. */
export interface ActualTunnels {
  readonly devices: readonly ReadTunnel[];
  readonly addresses: readonly LinkAddress[];
  readonly forwardings: readonly Forwarding[];
  /** On those devices. */
  readonly neighbours: readonly PermanentNeighbour[];
}

export const NO_TUNNELS: ActualTunnels = { devices: [], addresses: [], forwardings: [], neighbours: [] };

/** Applied in this order, with the routes between `put` and `remove`, every packet finds its way at every moment. */
export interface TunnelChanges {
  /** There, but made otherwise: all that belongs to them goes with them. */
  readonly remake: readonly InterfaceName[];
  readonly add: readonly TunnelDevice[];
  /** MTU, MAC and state of what stays. */
  readonly adjust: readonly NetworkCommand[];
  readonly put: readonly NetworkCommand[];
  readonly remove: readonly NetworkCommand[];
  /** Each difference by what it is about. */
  readonly findings: readonly string[];
}

export function diffTunnels(wanted: WantedTunnels, actual: ActualTunnels): TunnelChanges {
  const present = new Map(actual.devices.map((device) => [device.name, device]));
  const remake = wanted.devices.filter((device) => isMadeOtherwise(device, present.get(device.name)));
  const add = wanted.devices.filter((device) => !present.has(device.name) || remake.includes(device));
  const fresh = new Set(add.map(({ name }) => name));
  const adjust = wanted.devices.flatMap((device) =>
    fresh.has(device.name) ? [] : adjustments(device, present.get(device.name)),
  );
  const names = new Set(wanted.devices.map(({ name }) => name));
  const stays = ({ interfaceName }: { readonly interfaceName: InterfaceName }) =>
    names.has(interfaceName) && !fresh.has(interfaceName);
  const addresses = difference(wanted.addresses, actual.addresses.filter(stays), addressText, addressText);
  const forwardings = difference(wanted.forwardings, actual.forwardings.filter(stays), forwardingText, forwardingKey);
  const neighbours = difference(wanted.neighbours, actual.neighbours.filter(stays), neighbourText, neighbourKey);
  const surplus = actual.devices.filter(({ name }) => !names.has(name));
  return {
    remake: remake.map(({ name }) => name),
    add,
    adjust,
    put: [
      ...addresses.put.map((address) => ({ kind: 'putAddress', address }) as const),
      ...neighbours.put.map((neighbour) => ({ kind: 'putNeighbour', neighbour }) as const),
      ...forwardings.put.map((forwarding) => ({ kind: 'putForwarding', forwarding }) as const),
    ],
    remove: [
      ...addresses.remove.map((address) => ({ kind: 'removeAddress', address }) as const),
      ...neighbours.remove.map((neighbour) => ({ kind: 'removeNeighbour', neighbour }) as const),
      ...surplus.map(({ name }) => ({ kind: 'removeTunnel', link: name }) as const),
      ...forwardings.remove.map((forwarding) => ({ kind: 'removeForwarding', forwarding }) as const),
    ],
    findings: [
      ...add.map(({ name }) => `${name}: ${present.has(name) ? 'was made otherwise' : 'was missing'}`),
      ...adjust.map((command) => `${'link' in command ? command.link : ''}: had another state, MTU or MAC`),
      ...surplus.map(({ name }) => `${name}: should not be`),
      ...addresses.put.filter(stays).map((one) => `${addressText(one)}: was missing`),
      ...addresses.remove.map((one) => `${addressText(one)}: should not be`),
      ...forwardings.put.filter(stays).map((one) => `${forwardingText(one)}: was missing`),
      ...forwardings.remove.map((one) => `${forwardingText(one)}: should not be`),
      ...neighbours.put.filter(stays).map((one) => `${neighbourText(one)}: was missing`),
      ...neighbours.remove.map((one) => `${neighbourText(one)}: should not be`),
    ],
  };
}

/** As the kernel is when the changes are made. */
export const madeSo = (wanted: WantedTunnels): ActualTunnels => ({
  ...wanted,
  devices: wanted.devices.map((device) => ({ ...device, up: true, sound: true })),
});

const isMadeOtherwise = (wanted: TunnelDevice, actual: ReadTunnel | undefined): boolean =>
  actual !== undefined && (!actual.sound || actual.kind !== wanted.kind || actual.local !== wanted.local);

function adjustments(wanted: TunnelDevice, actual: ReadTunnel | undefined): readonly NetworkCommand[] {
  const link = wanted.name;
  const commands: NetworkCommand[] = [];
  if (wanted.mac !== undefined && actual?.mac !== wanted.mac) commands.push({ kind: 'setMac', link, mac: wanted.mac });
  if (actual?.mtu !== wanted.mtu) commands.push({ kind: 'setMtu', link, mtu: wanted.mtu });
  if (actual?.up !== true) commands.push({ kind: 'setUp', link });
  return commands;
}

/** One with the same key is replaced by putting another. */
function difference<T>(
  wanted: readonly T[],
  actual: readonly T[],
  textOf: (one: T) => string,
  keyOf: (one: T) => string,
) {
  const texts = new Set(actual.map(textOf));
  const keys = new Set(wanted.map(keyOf));
  return {
    put: wanted.filter((one) => !texts.has(textOf(one))),
    remove: actual.filter((one) => !keys.has(keyOf(one))),
  };
}

const addressText = ({ address, interfaceName }: LinkAddress): string => `address ${address} on ${interfaceName}`;
const forwardingKey = ({ mac, interfaceName }: Forwarding): string => `${mac} on ${interfaceName}`;
const forwardingText = (one: Forwarding): string => `${forwardingKey(one)} to ${one.remote}`;
const neighbourKey = ({ address, interfaceName }: PermanentNeighbour): string => `${address} on ${interfaceName}`;
const neighbourText = (one: PermanentNeighbour): string => `${neighbourKey(one)} at ${one.mac}`;
