import { contains, parseCidr, parseInterfaceAddress } from '../../src/model/cidr.js';
import { parseDockerNetworkId } from '../../src/model/ids.js';
import { unacceptable } from './acceptable-reply.js';
import type { PluginReply, PluginUnderTest } from './plugin-under-test.js';
import type { RecordedCall } from './recorded-trace.js';

type Json = Readonly<Record<string, unknown>>;

const ADDRESS_SPACES: Readonly<Record<string, string>> = {
  RecLocal: 'CorduroyLocal',
  RecGlobal: 'CorduroyGlobal',
};

/** An address that the plugin under test gave where the recorded one gave another. */
interface Given {
  readonly poolId: string;
  /** As replied, `10.64.0.7/32`. */
  readonly cidr: string;
}

/** What a refusal looked like, such as `CreateNetwork: option "foo" is unknown: ...`. */
export type Refusal = string;

/**
 * Plays a recorded engine against the plugin: the same calls in the same order, with the pools and addresses that this
 * plugin gave instead of the recorded ones. Where a call is refused that was not then, it rolls back as Docker does
 * (protocol.md, section 9), and leaves out what would not have followed.
 */
export class ReplayingDocker {
  readonly refusals: Refusal[] = [];
  /** Replies that Docker could not have used. */
  readonly faults: string[] = [];
  readonly #plugin: PluginUnderTest;
  readonly #pools = new Map<string, { readonly id: string; readonly cidr: string }[]>();
  readonly #addresses = new Map<string, Given>();
  readonly #networks = new Map<string, { readonly recordedPools: readonly string[] }>();
  readonly #endpoints = new Map<string, string>();
  readonly #dead = new Set<string>();
  #pending: string[] = [];

  constructor(plugin: PluginUnderTest) {
    this.#plugin = plugin;
  }

  /** Makes what the recording takes for granted: networks and pools of the recordings before it. */
  async prepare(calls: readonly RecordedCall[]): Promise<void> {
    const seen = new Set<string>();
    for (const { method, request, reply } of calls) {
      if (method === 'RequestPool') seen.add(textOf((reply as Json | undefined)?.['PoolID']));
      const poolId = textOf(request?.['PoolID']);
      if (!poolId.startsWith('Rec') || seen.has(poolId)) continue;
      seen.add(poolId);
      const pool = cidrOf(poolId);
      await this.#requestPool(poolId, {
        AddressSpace: 'RecLocal',
        Pool: pool,
        SubPool: '',
        Options: {},
        V6: pool.includes(':'),
      });
    }
    const made = new Set(calls.filter(({ method }) => method === 'CreateNetwork').map(networkOf));
    const used = calls.filter(({ method, request }) => method === 'CreateEndpoint' && request !== null);
    for (const id of new Set(used.map(networkOf))) {
      if (made.has(id)) continue;
      const addresses = used.filter((call) => networkOf(call) === id).flatMap(({ request }) => addressesOf(request));
      const pools = [...this.#pools.keys()].filter((poolId) => addresses.some((address) => holds(poolId, address)));
      const data = (v6: boolean) =>
        pools
          .filter((poolId) => poolId.includes(':') === v6)
          .map((poolId) => ({ AddressSpace: 'RecLocal', Pool: cidrOf(poolId) }));
      const request = { NetworkID: id, Options: {}, IPv4Data: data(false), IPv6Data: data(true) };
      await this.#createNetwork(request);
    }
  }

  async play(call: RecordedCall, later: readonly RecordedCall[]): Promise<void> {
    const { path, method, request } = call;
    if (request === null) return this.#playEmpty(path);
    if (!isForwarded(call, later)) return;
    switch (method) {
      case 'RequestPool':
        return this.#requestPool(textOf((call.reply as Json)['PoolID']), request);
      case 'RequestAddress':
        return this.#requestAddress(textOf((call.reply as Json)['Address']), request);
      case 'ReleaseAddress':
        return this.#releaseAddress(textOf(request['PoolID']), textOf(request['Address']));
      case 'ReleasePool':
        return this.#releasePool(textOf(request['PoolID']));
      case 'CreateNetwork':
        return this.#createNetwork(request);
      case 'DeleteNetwork':
        return this.#deleteNetwork(textOf(request['NetworkID']));
      case 'CreateEndpoint':
        return this.#createEndpoint(request);
      default:
        return this.#callEndpoint(method, request);
    }
  }

  /** Docker forgets everything: each container stops, each network is removed, and what leaked is released. */
  async removeAll(): Promise<void> {
    for (const [endpointId, networkId] of [...this.#endpoints]) {
      await this.#send('Leave', { NetworkID: networkId, EndpointID: endpointId });
      await this.#send('DeleteEndpoint', { NetworkID: networkId, EndpointID: endpointId });
    }
    for (const key of [...this.#addresses.keys()]) {
      const [poolId = '', address = ''] = key.split(' ');
      await this.#releaseAddress(poolId, address);
    }
    for (const [poolId, open] of this.#pools) for (const _ of [...open]) await this.#releasePool(poolId);
    for (const id of [...this.#networks.keys()]) await this.#deleteNetwork(id);
  }

  async #playEmpty(path: string): Promise<void> {
    const reply = await this.#plugin.post(path, '');
    const isHandshake = /Activate|GetCapabilities|GetDefaultAddressSpaces/.test(path);
    if (isHandshake !== (reply.error === undefined)) {
      this.faults.push(`${path} with an empty body: ${reply.error ?? 'success'}`);
    }
  }

  async #requestPool(recordedId: string, request: Json): Promise<void> {
    const reply = await this.#send('RequestPool', request);
    if (reply.error !== undefined) {
      this.#refused('RequestPool', reply.error);
      await this.#rollBackPools();
      return;
    }
    const open = this.#pools.get(recordedId) ?? [];
    open.push({ id: textOf(reply.body['PoolID']), cidr: textOf(reply.body['Pool']) });
    this.#pools.set(recordedId, open);
    this.#pending.push(recordedId);
  }

  async #requestAddress(recorded: string, request: Json): Promise<void> {
    const recordedId = textOf(request['PoolID']);
    const pool = this.#pools.get(recordedId)?.at(-1);
    if (pool === undefined) return;
    const reply = await this.#send('RequestAddress', { ...request, PoolID: pool.id });
    if (reply.error !== undefined) return this.#refused('RequestAddress', reply.error);
    const cidr = textOf(reply.body['Address']);
    const wanted = textOf(request['Address']);
    if (wanted !== '' && bare(cidr) !== wanted) this.faults.push(`RequestAddress of ${wanted} gave ${cidr}`);
    this.#addresses.set(`${recordedId} ${bare(recorded)}`, { poolId: pool.id, cidr });
  }

  async #releaseAddress(recordedId: string, address: string): Promise<void> {
    const key = `${recordedId} ${address}`;
    const given = this.#addresses.get(key);
    this.#addresses.delete(key);
    const reply = await this.#send('ReleaseAddress', {
      PoolID: given?.poolId ?? this.#pools.get(recordedId)?.at(-1)?.id ?? recordedId,
      Address: given === undefined ? address : bare(given.cidr),
    });
    if (reply.error !== undefined) this.faults.push(`ReleaseAddress: ${reply.error}`);
  }

  async #releasePool(recordedId: string): Promise<void> {
    const pool = this.#pools.get(recordedId)?.shift();
    const reply = await this.#send('ReleasePool', { PoolID: pool?.id ?? recordedId });
    if (reply.error !== undefined) this.faults.push(`ReleasePool: ${reply.error}`);
  }

  async #createNetwork(request: Json): Promise<void> {
    const id = textOf(request['NetworkID']);
    const recordedPools: string[] = [];
    const translated: Record<string, unknown> = { ...request };
    for (const field of ['IPv4Data', 'IPv6Data']) {
      const list = request[field] as readonly Json[];
      const data = list.map((entry) => this.#translateIpamData(entry, recordedPools));
      if (data.includes(undefined)) {
        this.#dead.add(id);
        return this.#rollBackPools();
      }
      translated[field] = data;
    }
    const reply = await this.#send('CreateNetwork', translated);
    if (reply.error === undefined) {
      this.#networks.set(id, { recordedPools });
      this.#pending = [];
      this.#plugin.docker.addNetwork({ id: parseDockerNetworkId(id), name: `net-${id.slice(0, 8)}` });
      return;
    }
    this.#refused('CreateNetwork', reply.error);
    this.#dead.add(id);
    await this.#rollBackPools();
  }

  #translateIpamData(entry: Json, recordedPools: string[]): Json | undefined {
    const space = textOf(entry['AddressSpace']);
    if (!space.startsWith('Rec')) return entry;
    const recordedId = `${space}/${textOf(entry['Pool'])}`;
    const pool = this.#pools.get(recordedId)?.at(-1);
    if (pool === undefined) return undefined;
    recordedPools.push(recordedId);
    const address = (recorded: unknown): string =>
      this.#addresses.get(`${recordedId} ${bare(textOf(recorded))}`)?.cidr ?? textOf(recorded);
    const auxiliary = Object.entries((entry['AuxAddresses'] ?? {}) as Json);
    return {
      ...entry,
      AddressSpace: ADDRESS_SPACES[space],
      Pool: pool.cidr,
      ...(entry['Gateway'] === undefined ? {} : { Gateway: address(entry['Gateway']) }),
      AuxAddresses: Object.fromEntries(auxiliary.map(([name, value]) => [name, address(value)])),
    };
  }

  /** Docker gives back what it had requested for the network that did not come to be. */
  async #rollBackPools(): Promise<void> {
    for (const recordedId of this.#pending) {
      const id = this.#pools.get(recordedId)?.at(-1)?.id;
      for (const [key, given] of [...this.#addresses]) {
        if (given.poolId === id) await this.#releaseAddress(recordedId, key.split(' ')[1] ?? '');
      }
      const pool = this.#pools.get(recordedId)?.pop();
      if (pool !== undefined) await this.#send('ReleasePool', { PoolID: pool.id });
    }
    this.#pending = [];
  }

  async #deleteNetwork(id: string): Promise<void> {
    if (this.#dead.has(id)) return;
    this.#networks.delete(id);
    this.#plugin.docker.removeNetwork(parseDockerNetworkId(id));
    const reply = await this.#send('DeleteNetwork', { NetworkID: id });
    if (reply.error !== undefined) this.faults.push(`DeleteNetwork: ${reply.error}`);
  }

  async #createEndpoint(request: Json): Promise<void> {
    const networkId = textOf(request['NetworkID']);
    const endpointId = textOf(request['EndpointID']);
    if (this.#dead.has(networkId)) {
      this.#dead.add(endpointId);
      return;
    }
    const wanted = request['Interface'] as Json;
    const translate = (recorded: unknown): string => this.#addressGivenFor(textOf(recorded)) ?? textOf(recorded);
    const translated = {
      ...request,
      Interface: {
        ...wanted,
        Address: translate(wanted['Address']),
        AddressIPv6: translate(wanted['AddressIPv6']),
      },
    };
    const reply = await this.#send('CreateEndpoint', translated);
    if (reply.error === undefined) {
      this.#endpoints.set(endpointId, networkId);
      return;
    }
    this.#refused('CreateEndpoint', reply.error);
    this.#dead.add(endpointId);
    const given = [translated.Interface.Address, translated.Interface.AddressIPv6];
    for (const [key, { cidr }] of [...this.#addresses]) {
      const [poolId = '', address = ''] = key.split(' ');
      if (given.includes(cidr)) await this.#releaseAddress(poolId, address);
    }
  }

  #addressGivenFor(recorded: string): string | undefined {
    const found = [...this.#addresses].findLast(([key]) => recorded !== '' && key.endsWith(` ${bare(recorded)}`));
    return found?.[1].cidr;
  }

  async #callEndpoint(method: string, request: Json): Promise<void> {
    const endpointId = textOf(request['EndpointID']);
    if (this.#dead.has(endpointId)) return;
    const isKnown = this.#endpoints.has(endpointId);
    if (method === 'DeleteEndpoint') this.#endpoints.delete(endpointId);
    const reply = await this.#send(method, request);
    if (reply.error === undefined) return;
    // A container of a recording before this one: we were never told of it.
    if (!isKnown && (method === 'Join' || method === 'ProgramExternalConnectivity')) return;
    this.faults.push(`${method}: ${reply.error}`);
  }

  #refused(method: string, error: string): void {
    this.refusals.push(`${method}: ${error}`);
  }

  async #send(method: string, request: Json): Promise<PluginReply> {
    const isIpam = /Pool|Address$/.test(method);
    const body = { ...request };
    const space = body['AddressSpace'];
    if (typeof space === 'string') body['AddressSpace'] = ADDRESS_SPACES[space] ?? space;
    const reply = await this.#plugin.call(`${isIpam ? 'IpamDriver' : 'NetworkDriver'}.${method}`, body);
    const problem = reply.error === undefined ? unacceptable(method, body, reply.body) : undefined;
    if (problem !== undefined) this.faults.push(`${method}: ${problem}`);
    return reply;
  }
}

/**
 * A call whose recorded answer was made to fail is one that the plugin undid itself, and Docker rolls back around it.
 * It is made only if Docker's own roll-back reaches it.
 */
function isForwarded({ method, request, fault }: RecordedCall, later: readonly RecordedCall[]): boolean {
  if (fault === undefined || fault === 'delay') return true;
  if (['RequestPool', 'RequestAddress', 'CreateNetwork'].includes(method)) return false;
  if (method !== 'CreateEndpoint') return true;
  return later.some(
    (call) => call.method === 'DeleteEndpoint' && call.request?.['EndpointID'] === request?.['EndpointID'],
  );
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const bare = (cidr: string): string => cidr.split('/')[0] ?? '';
const networkOf = ({ request }: RecordedCall): string => textOf(request?.['NetworkID']);

function addressesOf(request: Json | null): readonly string[] {
  const wanted = (request?.['Interface'] ?? {}) as Json;
  return [textOf(wanted['Address']), textOf(wanted['AddressIPv6'])].filter((address) => address !== '');
}

const holds = (poolId: string, address: string): boolean =>
  contains(parseCidr(cidrOf(poolId)), parseInterfaceAddress(address).address);

/** Recorded pool ids are `RecLocal/10.52.0.0/16`, with the `--ip-range` after it if there is one. */
const cidrOf = (poolId: string): string => poolId.split('/').slice(1, 3).join('/');
