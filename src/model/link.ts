import type { InterfaceName } from './ids.js';

/** A link as the kernel tells it. */
export interface Link {
  readonly name: InterfaceName;
  readonly mac: string;
  /** Bytes. */
  readonly mtu: number;
  /** Administratively. */
  readonly up: boolean;
  readonly group: string;
  /** A veth's other end, if it is in this namespace too. */
  readonly peer?: InterfaceName | undefined;
}
