import type { Logger } from '../src/effects/logger.js';
import type { NetworkCommand, NetworkStack } from '../src/effects/network-stack.js';
import type { Sysctl, Sysctls } from '../src/effects/sysctls.js';
import { describeError, KernelError } from '../src/model/errors.js';
import type { InterfaceName } from '../src/model/ids.js';
import { familyOf, type IpAddress } from '../src/model/ip-address.js';
import type { LinkAddress } from '../src/model/route.js';
import { isOurTunnel, type TunnelDevice, VXLAN_ID, VXLAN_PORT } from '../src/model/tunnel.js';
import { addressModeOf, linkSettings } from './link-settings.js';
import type { ReportRepair } from './repair-log.js';
import { type ActualTunnels, diffTunnels, madeSo, NO_TUNNELS, type TunnelChanges } from './tunnel-diff.js';
import { Turns } from './turns.js';
import type { WantedTunnels } from './wanted-tunnels.js';

export interface TunnelsOptions {
  readonly network: NetworkStack;
  readonly sysctls: Sysctls;
  readonly wanted: () => WantedTunnels;
  readonly ipv6: boolean;
  /** Brings the routes to what they should be now; `lost`: links whose routes the kernel has dropped. */
  readonly moveRoutes: (lost: readonly InterfaceName[]) => Promise<void>;
  /** The node does not have the address any more. */
  readonly forgetFlows: (address: IpAddress) => void;
  readonly log: Logger;
}

/**
 * The links, forwardings and neighbours of encapsulated pools. What a packet needs comes before the route that leads it
 * there, and goes after it.
 */
export class Tunnels {
  readonly #options: TunnelsOptions;
  /** In the kernel as far as we know; undefined: that was never looked at. */
  #known: ActualTunnels | undefined;
  #unusable: ReadonlyMap<InterfaceName, string> = new Map();
  /** Two that looked at the same state would both write the difference. */
  readonly #turns = new Turns();

  constructor(options: TunnelsOptions) {
    this.#options = options;
  }

  /** Links that the kernel does not give us, with the sentence why: no route may lead there. */
  get unusable(): ReadonlyMap<InterfaceName, string> {
    return this.#unusable;
  }

  /** The records changed what should be there. Does nothing before the first `repair`. */
  changed(): Promise<void> {
    return this.#turns.take(async () => {
      if (this.#known === undefined) return;
      const wanted = this.#options.wanted();
      await this.#write(wanted, diffTunnels(wanted, this.#known));
    });
  }

  /** Reads back, puts right what differs, and tells what was not our own doing. @throws KernelError if it cannot be read */
  repair(report: ReportRepair): Promise<void> {
    return this.#turns.take(async () => {
      const wanted = this.#options.wanted();
      const known = this.#known ?? NO_TUNNELS;
      if (this.#known !== undefined && wanted.devices.length + known.devices.length === 0) return;
      const first = this.#known === undefined;
      const actual = await this.#read();
      const drift = diffTunnels(known, actual).findings;
      const changes = diffTunnels(wanted, actual);
      const fresh = new Set(changes.add.map(({ name }) => name));
      const settled: string[] = [];
      for (const { name } of wanted.devices) if (!fresh.has(name)) settled.push(...(await this.#settle(name)));
      await this.#write(wanted, changes);
      if (first) return;
      for (const detail of drift) report('tunnel', detail);
      for (const path of settled) report('sysctl', `${path}: was changed`);
    });
  }

  async #read(): Promise<ActualTunnels> {
    const { network } = this.#options;
    const devices = (await network.tunnels()).filter(({ name }) => isOurTunnel(name));
    const [neighbours, addresses, forwardings] = await Promise.all([
      network.permanentNeighbours(),
      Promise.all(devices.map(({ name }) => network.tunnelAddresses(name))),
      Promise.all(devices.filter(({ kind }) => kind === 'vxlan').map(({ name }) => network.forwardings(name))),
    ]);
    return {
      devices,
      addresses: addresses.flat(),
      forwardings: forwardings.flat(),
      neighbours: neighbours.filter(({ interfaceName }) => isOurTunnel(interfaceName)),
    };
  }

  async #write(wanted: WantedTunnels, changes: TunnelChanges): Promise<void> {
    const { moveRoutes } = this.#options;
    await this.#apply(changes.remake.map((link) => ({ kind: 'removeTunnel', link })));
    const unusable = new Map<InterfaceName, string>();
    for (const device of changes.add) {
      const why = await this.#add(device);
      if (why !== undefined) unusable.set(device.name, why);
    }
    this.#unusable = unusable;
    const usable = ({ interfaceName }: { readonly interfaceName: InterfaceName }) => !unusable.has(interfaceName);
    await this.#apply([...changes.adjust, ...changes.put.filter((command) => usable(placeOf(command)))]);
    // With an address, IPv4 loses the routes that have it as their source.
    const readdressed = changes.put.flatMap((command) => ('address' in command ? command.address.interfaceName : []));
    await moveRoutes([...new Set([...changes.add.map(({ name }) => name), ...readdressed])]);
    await this.#apply(changes.remove);
    await this.#mendBared(wanted, changes.remove);
    const kept = new Set(wanted.addresses.map(({ address }) => address));
    for (const { address } of this.#known?.addresses ?? []) if (!kept.has(address)) this.#options.forgetFlows(address);
    this.#known = madeSo({
      devices: wanted.devices.filter(({ name }) => !unusable.has(name)),
      addresses: wanted.addresses.filter(usable),
      forwardings: wanted.forwardings.filter(usable),
      neighbours: wanted.neighbours.filter(usable),
    });
  }

  /** With the last IPv4 address of a link, the kernel drops its IPv4 routes and neighbours. */
  async #mendBared({ addresses, neighbours }: WantedTunnels, removed: readonly NetworkCommand[]): Promise<void> {
    const isIpv4 = ({ address }: LinkAddress) => familyOf(address) === 4;
    const addressed = new Set(addresses.filter(isIpv4).map(({ interfaceName }) => interfaceName));
    const bared = removed
      .flatMap((command) => ('address' in command && isIpv4(command.address) ? command.address.interfaceName : []))
      .filter((link) => !addressed.has(link));
    if (bared.length === 0) return;
    const lost = neighbours.filter(({ interfaceName }) => bared.includes(interfaceName));
    await this.#apply(lost.map((neighbour) => ({ kind: 'putNeighbour', neighbour })));
    await this.#options.moveRoutes(bared);
  }

  /** Why it could not be made; undefined: it is there. */
  async #add(device: TunnelDevice): Promise<string | undefined> {
    const { network, log } = this.#options;
    try {
      await network.apply([{ kind: 'addTunnel', device }]);
      await this.#settle(device.name);
      await network.apply([{ kind: 'setUp', link: device.name }]);
      return undefined;
    } catch (error) {
      const why = refusalOf(device, error);
      if (this.#unusable.get(device.name) !== why) log.error({ link: device.name, error: describeError(error) }, why);
      await network.apply([{ kind: 'removeTunnel', link: device.name }]).catch(() => {});
      return why;
    }
  }

  /** One refusal does not keep the rest back; the next resync reads what became of it. */
  async #apply(commands: readonly NetworkCommand[]): Promise<void> {
    if (commands.length === 0) return;
    try {
      await this.#options.network.apply(commands);
    } catch (error) {
      this.#options.log.warn({ error: describeError(error) }, 'tunnels could not be changed; the next resync does it');
    }
  }

  /** The settings of a link that were otherwise, by path. How it gets its address matters only before it comes up. */
  async #settle(link: InterfaceName): Promise<readonly string[]> {
    const { network, sysctls, ipv6 } = this.#options;
    // Loose: while a pool's encapsulation changes, nodes change over one after the other, and the way back may be
    // another. What comes in must come from a node, and from an address that there is a route to.
    const settings = await this.#wrong(linkSettings(link, { reversePath: 'loose', ipv6 }));
    const mode = ipv6 ? await this.#wrong([addressModeOf(link)]) : [];
    await sysctls.write(settings);
    if (mode.length > 0) await network.apply([{ kind: 'setEui64', link }]);
    return [...settings, ...mode].map(({ path }) => path);
  }

  /** Those that the kernel has, with another value: a link of a small MTU has no IPv6. */
  async #wrong(settings: readonly Sysctl[]): Promise<readonly Sysctl[]> {
    const values = await this.#options.sysctls.read(settings.map(({ path }) => path));
    return settings.filter(({ value }, i) => values[i] !== undefined && values[i] !== value);
  }
}

function placeOf(command: NetworkCommand): { readonly interfaceName: InterfaceName } {
  if ('address' in command) return command.address;
  if ('neighbour' in command) return command.neighbour;
  if ('forwarding' in command) return command.forwarding;
  throw new Error(`${command.kind} belongs to no tunnel`);
}

function refusalOf({ kind, name }: TunnelDevice, error: unknown): string {
  const detail = error instanceof KernelError ? error.detail : describeError(error);
  const module = kind === 'vxlan' ? 'vxlan' : 'ipip';
  if (/Unknown device type|Operation not supported/.test(detail)) {
    return `this kernel has no ${kind === 'vxlan' ? 'VXLAN' : 'IPIP'}: load its module ("modprobe ${module}"), or give the pools another encapsulation ("corduroy pool set")`;
  }
  if (/VNI already exists/.test(detail)) {
    return `another VXLAN device of this host has our network id ${VXLAN_ID} on port ${VXLAN_PORT}: find it with "ip -d link show type vxlan", and remove it or give it another id`;
  }
  if (/Address already in use/.test(detail)) {
    return `UDP port ${VXLAN_PORT} of this host is taken by a program: find it with "ss -lunp 'sport = :${VXLAN_PORT}'", and end it or give it another port`;
  }
  if (/File exists/.test(detail)) {
    return `a link that is not ours is called ${name}, or carries the same tunnel: find it with "ip -d link", and rename or remove it`;
  }
  return `the kernel does not make the tunnel ${name}: ${detail}`;
}
