import type { Usage } from '../src/effects/ipam-admin.js';
import type { Allocation, Block } from '../src/model/block.js';
import type { Cidr } from '../src/model/cidr.js';
import { ConflictError, type CorduroyError } from '../src/model/errors.js';
import { isTunnelHandle } from '../src/model/handle.js';
import type { IpAddress } from '../src/model/ip-address.js';

interface ExhaustionDetail {
  readonly cooldownMs: number;
  readonly strict: boolean;
  /** The node has this many blocks and may have no more. */
  readonly atMostBlocks?: number | undefined;
}

/** The caller's move: every address that could be given is in use. */
export class AddressesExhaustedError extends ConflictError {
  readonly usage: Usage;

  constructor(where: Cidr, usage: Usage, detail: ExhaustionDetail) {
    const { size, assigned, cooling, reserved, free } = usage;
    const elsewhere = [
      ...(detail.strict ? ["in other nodes' blocks"] : []),
      ...(detail.atMostBlocks === undefined
        ? []
        : [`in no block while this node has ${detail.atMostBlocks}, its most`]),
      'not for containers',
    ];
    const rest = free > 0n ? `, and ${free} ${elsewhere.join(' or ')}` : '';
    const settings = detail.strict || detail.atMostBlocks !== undefined ? ', or see "corduroy ipam configure"' : '';
    const wait = cooling > 0n ? `wait ${Math.ceil(detail.cooldownMs / 1000)} s for those that cool down, ` : '';
    super(
      `no address is free in ${where}: of ${size}, ${assigned} are assigned, ${cooling} cool down after their release and ${reserved} are reserved${rest}; ${wait}remove containers, or make a network with a larger --subnet${settings}`,
    );
    this.usage = usage;
  }
}

/** The caller's move: the address asked for by name is someone's. */
export class AddressTakenError extends ConflictError {
  constructor(address: IpAddress, by: Allocation, holder: string | undefined) {
    super(
      `${address} cannot be given: it is ${describe(by)}${holder === undefined ? '' : ` (${holder})`}; choose another address, or leave it out`,
    );
  }
}

/** The operator's move: strict affinity keeps the address for the node that has its block. */
export class NotOurBlockError extends ConflictError {
  constructor(address: IpAddress, block: Block) {
    super(
      `${address} cannot be given here: its block ${block.cidr} belongs to node ${block.node}, and strict affinity is on; start the container there, choose another address, or allow it with "corduroy ipam configure --strict-affinity false"`,
    );
  }
}

/** The caller's move: this node had the address named a moment ago, and its kernel has not forgotten it in time. */
export class StillInUseError extends ConflictError {
  constructor(address: IpAddress) {
    super(
      `${address} cannot be given yet: the kernel still has routes or connections of the container that had it; try again in some seconds`,
    );
  }
}

/** Nobody's move yet: none of these addresses has been forgotten by the kernel, which may do so in a moment. */
export class QuietNeededError extends ConflictError {
  readonly addresses: readonly IpAddress[];
  /** What is told if it does not. */
  readonly otherwise: CorduroyError;

  constructor(addresses: readonly IpAddress[], otherwise: CorduroyError) {
    super(otherwise.message);
    this.addresses = addresses;
    this.otherwise = otherwise;
  }
}

function describe(by: Allocation): string {
  if (by.state === 'reserved')
    return by.purpose === 'gateway' ? "the network's gateway" : 'reserved with --aux-address';
  if (isTunnelHandle(by.handle)) return `the tunnel address of node ${by.node}`;
  const holder =
    by.state === 'bound' ? `endpoint ${by.handle.slice(0, 12)}` : 'a container that is being started or stopped';
  return `held by ${holder} on node ${by.node}`;
}
