import type { Container } from '../lab/container.js';
import { Outside } from '../lab/outside.js';
import type { Probe, ProbeReport } from '../lab/probe-process.js';
import { type CorduroyLab, eventually } from './corduroy-host.js';

const PORT = '7700';

/**
 * A server that counts whom it hears, a friend of it and two that it must never hear: a container of another network
 * and the outside. All send numbered packets, 200 a second, for as long as it lives. Friend and stranger may be on
 * another host than the server.
 */
export class Streams {
  readonly lab: CorduroyLab;
  /** The host of friend and stranger. */
  readonly callers: CorduroyLab;
  readonly name: string;
  readonly server: Container;
  readonly address: string;
  readonly #counter: Probe;
  readonly #allowed: Probe;
  readonly #denied: readonly Probe[];
  readonly friend: string;
  /** Made by us, and removed at the end. */
  #networks: readonly string[] = [];

  private constructor(
    lab: CorduroyLab,
    callers: CorduroyLab,
    name: string,
    server: Container,
    addresses: { readonly server: string; readonly friend: string },
    probes: { readonly counter: Probe; readonly allowed: Probe; readonly denied: readonly Probe[] },
  ) {
    this.lab = lab;
    this.callers = callers;
    this.name = name;
    this.server = server;
    this.address = addresses.server;
    this.friend = addresses.friend;
    this.#counter = probes.counter;
    this.#allowed = probes.allowed;
    this.#denied = probes.denied;
  }

  /** Makes the networks, too. */
  static async start(lab: CorduroyLab, name: string): Promise<Streams> {
    await lab.network(name);
    await lab.network(`${name}-strangers`);
    const streams = await Streams.between(lab, lab, name);
    streams.#networks = [name, `${name}-strangers`];
    return streams;
  }

  /**
   * On networks that there are: `NAME` on both hosts, `NAME-strangers` on the callers'. Begins when the hosts know the
   * way to one another's containers.
   */
  static async between(lab: CorduroyLab, callers: CorduroyLab, name: string): Promise<Streams> {
    const server = await lab.start(`${name}-server`, name);
    const friend = await callers.start(`${name}-friend`, name);
    const stranger = await callers.start(`${name}-stranger`, `${name}-strangers`);
    const address = await server.address(name);
    await lab.outside.addRoute(`${address}/32`, lab.lab.hosts.indexOf(lab.host));
    await eventually(
      () => friend.reaches(address),
      (reached) => reached,
    );
    const counter = await server.probe('echo', PORT);
    const [allowed, ...denied] = await Promise.all([
      friend.probe('send', address, PORT, '200'),
      stranger.probe('send', address, PORT, '200'),
      lab.outside.probe('send', address, PORT, '200'),
    ]);
    return new Streams(
      lab,
      callers,
      name,
      server,
      { server: address, friend: await friend.address(name) },
      {
        counter,
        allowed,
        denied,
      },
    );
  }

  /** Waits until each of them has sent so many more: by number, so that a busy machine only makes it slower. */
  async sendMore(packets: number): Promise<void> {
    for (const stream of [this.#allowed, ...this.#denied]) {
      const { sent } = await stream.report();
      await eventually(
        () => stream.report(),
        (now) => now.sent >= sent + packets,
      );
    }
  }

  /** Waits until the friend's packets arrive and come back, after what was sent up to now. */
  async friendIsHeard(): Promise<void> {
    const { received } = await this.#allowed.report();
    await eventually(
      () => this.#allowed.report(),
      (now) => now.received > received + 5,
    );
  }

  /** Packets that the server heard from others than its friend, by their address. */
  async intruders(): Promise<Readonly<Record<string, number>>> {
    const { sources } = await this.#counter.report();
    return Object.fromEntries(Object.entries(sources).filter(([source]) => source !== this.friend));
  }

  /** What the friend sent and did not get back, in numbers; those under way now are waited for. */
  async lost(): Promise<{ readonly missing: readonly number[]; readonly tail: number }> {
    const { sent } = await this.#allowed.report();
    const { received, missing, missingCount } = await eventually(
      () => this.#allowed.report(),
      (now) => now.received + now.missingCount >= sent,
      2_000,
    ).catch(() => this.#allowed.report());
    return { missing, tail: Math.max(0, sent - received - missingCount) };
  }

  /** What the friend sent and got back up to now. */
  report(): Promise<ProbeReport> {
    return this.#allowed.report();
  }

  async heardFrom(source: string): Promise<number> {
    return (await this.#counter.report()).sources[source] ?? 0;
  }

  async end(): Promise<void> {
    await Promise.all([this.#counter, this.#allowed, ...this.#denied].map((probe) => probe.stop()));
    await this.lab.outside.try('ip', 'route', 'del', `${this.address}/32`);
    await this.lab.remove(`${this.name}-server`);
    await this.callers.remove(`${this.name}-friend`, `${this.name}-stranger`);
    if (this.#networks.length > 0) await this.lab.removeNetworks(...this.#networks);
  }
}

export const OUTSIDE_ADDRESS = Outside.address;
