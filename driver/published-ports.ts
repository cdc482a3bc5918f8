import type { HostPort } from '../src/effects/host-ports.js';
import type { PortProtocol, PublishedPort } from '../src/model/endpoint.js';
import { ConflictError, InvalidRequestError } from '../src/model/errors.js';
import { familyOf, type IpAddress, type IpFamily } from '../src/model/ip-address.js';
import type { PortBinding } from '../src/protocol/network-driver.js';

/** IANA's dynamic ports, 49152 to 65535 (RFC 6335, section 6), less the first, as Docker has it. */
const FIRST_DYNAMIC_PORT = 49_153;
const LAST_DYNAMIC_PORT = 65_535;

/** IANA protocol numbers that Docker publishes. */
const PROTOCOLS: ReadonlyMap<number, PortProtocol> = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [132, 'sctp'],
]);

/** A host port that is in use, and by whom, as a person would say it. */
export interface TakenPort extends HostPort {
  readonly by: string;
}

export interface PortChoice {
  /** Of the endpoint's addresses. */
  readonly families: ReadonlySet<IpFamily>;
  readonly taken: readonly TakenPort[];
  /** What was chosen for this endpoint before: kept where it still fits. */
  readonly previous?: readonly PublishedPort[];
}

/**
 * The host port of each binding, a binding that is given twice being one: the one that was named, or the first that is free in its range, or among the dynamic
 * ports. Ports given to earlier bindings are taken for later ones; named ports are given first.
 *
 * @throws ConflictError naming the port and who has it, InvalidRequestError for a binding that cannot be
 */
export function choosePorts(
  bindings: readonly PortBinding[],
  { families, taken, previous = [] }: PortChoice,
): readonly PublishedPort[] {
  const used: TakenPort[] = [...taken];
  const chosen = new Map<PortBinding, PublishedPort>();
  const distinct = [...new Map(bindings.map((binding) => [JSON.stringify(binding), binding])).values()];
  for (const binding of distinct.toSorted((one, other) => choices(one) - choices(other))) {
    const port = choosePort(binding, { families, taken: used, previous });
    chosen.set(binding, port);
    used.push({ ...port, by: `container port ${port.containerPort}/${port.protocol} of the same container` });
  }
  return distinct.flatMap((binding) => chosen.get(binding) ?? []);
}

function choosePort(binding: PortBinding, { families, taken, previous = [] }: PortChoice): PublishedPort {
  const protocol = PROTOCOLS.get(binding.protocol);
  if (protocol === undefined) {
    throw new InvalidRequestError(
      `port ${binding.containerPort} cannot be published for IP protocol ${binding.protocol}: tcp, udp and sctp can`,
    );
  }
  const { hostIp, containerPort } = binding;
  if (hostIp !== undefined && !families.has(familyOf(hostIp))) {
    throw new InvalidRequestError(
      `port ${containerPort}/${protocol} cannot be published on host address ${hostIp}, as the container has no IPv${familyOf(hostIp)} address on this network: publish it on an IPv${familyOf(hostIp) === 4 ? 6 : 4} address${familyOf(hostIp) === 6 ? ', or create the network with --ipv6' : ''}`,
    );
  }
  const base = { protocol, containerPort, ...(hostIp === undefined ? {} : { hostIp }) };
  const { first, last } = rangeOf(binding);
  const isFree = (port: PublishedPort) => !taken.some((other) => clashes(other, port));
  const kept = previous.find(
    (port) =>
      port.protocol === protocol &&
      port.containerPort === containerPort &&
      port.hostIp === hostIp &&
      port.hostPort >= first &&
      port.hostPort <= last &&
      isFree(port),
  );
  if (kept !== undefined) return kept;
  let holder: TakenPort | undefined;
  for (let hostPort = first; hostPort <= last; hostPort++) {
    const port: PublishedPort = { ...base, hostPort };
    const clash = taken.find((other) => clashes(other, port));
    if (clash === undefined) return port;
    holder ??= clash;
  }
  const where = hostIp === undefined ? '' : ` of ${hostIp}`;
  const what =
    first === last
      ? `host port ${first}/${protocol}${where} is`
      : `host ports ${first}-${last}/${protocol}${where} are`;
  throw new ConflictError(
    `${what} taken by ${holder?.by ?? 'others'}: publish container port ${containerPort} on another host port`,
  );
}

function rangeOf({ hostPort, hostPortEnd }: PortBinding): { readonly first: number; readonly last: number } {
  if (hostPort === 0) return { first: FIRST_DYNAMIC_PORT, last: LAST_DYNAMIC_PORT };
  return { first: hostPort, last: Math.max(hostPort, hostPortEnd) };
}

const choices = (binding: PortBinding): number => {
  const { first, last } = rangeOf(binding);
  return last - first;
};

/** Whether a packet to the host could be meant for either. */
export function clashes(one: HostPort, other: HostPort): boolean {
  return one.protocol === other.protocol && one.hostPort === other.hostPort && meet(one.hostIp, other.hostIp);
}

function meet(one: IpAddress | undefined, other: IpAddress | undefined): boolean {
  if (one === undefined || other === undefined || one === other) return true;
  if (familyOf(one) !== familyOf(other)) return false;
  return isEveryAddress(one) || isEveryAddress(other);
}

const isEveryAddress = (address: IpAddress): boolean => address === '0.0.0.0' || address === '::';
