import type { IpFamily } from '../../src/model/ip-address.js';

/**
 * How hosts are wired: `l2`, all on one wire; `routed`, two racks with a wire each, odd hosts in the first and even ones
 * in the second, and a router between them that knows no container's prefix.
 */
export type FabricKind = 'l2' | 'routed';

/** One wire: a bridge of the outside, and the network on it. The router is its first address. */
export interface Wire {
  readonly bridge: string;
  readonly mac: string;
  /** What stands before the host part of an address on it: `10.99.0.` and `fd99::`. */
  readonly prefix: string;
  readonly prefix6: string;
}

const WIRES: Readonly<Record<FabricKind, readonly [Wire, ...Wire[]]>> = {
  l2: [{ bridge: 'wire', mac: '02:00:0a:63:00:01', prefix: '10.99.0.', prefix6: 'fd99::' }],
  routed: [
    { bridge: 'rack1', mac: '02:00:0a:63:01:01', prefix: '10.99.1.', prefix6: 'fd99:0:0:1::' },
    { bridge: 'rack2', mac: '02:00:0a:63:02:01', prefix: '10.99.2.', prefix6: 'fd99:0:0:2::' },
  ],
};

export const wiresOf = (fabric: FabricKind): readonly Wire[] => WIRES[fabric];

/** The wire of the host with this index, from 0. */
export function wireOf(fabric: FabricKind, index: number): Wire {
  const wires = WIRES[fabric];
  return wires[index % wires.length] ?? wires[0];
}

/** The address of the router on a wire: a host's default gateway. */
export const routerAddress = (wire: Wire, family: IpFamily = 4): string =>
  `${family === 4 ? wire.prefix : wire.prefix6}1`;

/** `10.99.0.11` and `fd99::11` for the first host of a single wire. */
export function hostAddress(index: number, family: IpFamily = 4, fabric: FabricKind = 'l2'): string {
  const wire = wireOf(fabric, index);
  return `${family === 4 ? wire.prefix : wire.prefix6}${11 + index}`;
}
