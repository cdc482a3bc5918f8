import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { type FabricKind, hostAddress, routerAddress, type Wire, wireOf, wiresOf } from './address-plan.js';
import type { LabHost, Output } from './host.js';
import { type NamespaceProcess, startNamespaces } from './namespace-process.js';
import { type Probe, startProbe } from './probe-process.js';

const PROBE = fileURLToPath(new URL('./probe.js', import.meta.url));

/** What a host has on its wire now. */
interface Uplink {
  readonly wire: Wire;
  /** The bridge's end of the host's `eth0`. */
  readonly port: string;
  readonly address: string;
  readonly address6: string;
}

/** All that is not a host of the lab: the wires between them, and one machine that plays router, client, server and attacker. */
export class Outside {
  static readonly address = '10.99.0.1';
  static readonly address6 = 'fd99::1';
  readonly fabric: FabricKind;
  readonly #namespace: NamespaceProcess;
  /** By the host's index. */
  readonly #uplinks = new Map<number, Uplink>();

  private constructor(namespace: NamespaceProcess, fabric: FabricKind) {
    this.#namespace = namespace;
    this.fabric = fabric;
  }

  /** File of its network namespace, for `nsenter --net=`. */
  get netns(): string {
    return `/proc/${this.#namespace.pid}/ns/net`;
  }

  static async up(fabric: FabricKind = 'l2'): Promise<Outside> {
    const outside = new Outside(
      await startNamespaces(['--net'], ['bash', '-c', 'echo ready; while read -r _; do :; done']),
      fabric,
    );
    await outside.run('ip', 'link', 'set', 'lo', 'up');
    if (fabric === 'routed') {
      await outside.addAddress(Outside.address);
      await outside.run('ip', 'address', 'add', `${Outside.address6}/128`, 'dev', 'lo');
      await outside.run('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
    }
    for (const wire of wiresOf(fabric)) await outside.#addWire(wire);
    return outside;
  }

  async #addWire(wire: Wire): Promise<void> {
    // With a MAC of its own: else it takes the least of its ports', and changes it as hosts come and go.
    await this.run('ip', 'link', 'add', wire.bridge, 'address', wire.mac, 'type', 'bridge', 'forward_delay', '0');
    await this.run('ip', 'address', 'add', `${routerAddress(wire)}/24`, 'dev', wire.bridge);
    await this.run('ip', 'address', 'add', `${routerAddress(wire, 6)}/64`, 'dev', wire.bridge, 'nodad');
    await this.run('ip', 'link', 'set', wire.bridge, 'up');
  }

  /** One more address of the outside, which every host reaches. */
  async addAddress(address: string): Promise<void> {
    await this.run('ip', 'address', 'add', `${address}/32`, 'dev', 'lo');
  }

  /** Gives the host an `eth0` on its wire, its addresses and its default routes. Again after it was rebooted. */
  async connect(host: Pick<LabHost, 'pid' | 'run'>, index: number): Promise<void> {
    const uplink = this.#uplinks.get(index) ?? {
      wire: wireOf(this.fabric, index),
      port: `port${index + 1}`,
      address: hostAddress(index, 4, this.fabric),
      address6: hostAddress(index, 6, this.fabric),
    };
    this.#uplinks.set(index, uplink);
    const { wire, port } = uplink;
    await this.run('ip', 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', `${host.pid}`);
    await this.run('ip', 'link', 'set', port, 'master', wire.bridge, 'up');
    await host.run('ip', 'address', 'add', `${uplink.address}/24`, 'dev', 'eth0');
    await host.run('ip', 'address', 'add', `${uplink.address6}/64`, 'dev', 'eth0', 'nodad');
    // No waiting for duplicates of the link-local address: what a test compares must not change by itself.
    await host.run('sysctl', '-qw', 'net.ipv6.conf.eth0.accept_dad=0');
    await host.run('ip', 'link', 'set', 'eth0', 'up');
    await host.run('ip', 'route', 'add', 'default', 'via', routerAddress(wire));
    await host.run('ip', '-6', 'route', 'add', 'default', 'via', routerAddress(wire, 6));
  }

  #uplink(index: number): Uplink {
    const uplink = this.#uplinks.get(index);
    if (uplink === undefined) throw new Error(`the lab has no host number ${index + 1}`);
    return uplink;
  }

  /** The host's address now. */
  addressOf(index: number, family: 4 | 6 = 4): string {
    const { address, address6 } = this.#uplink(index);
    return family === 4 ? address : address6;
  }

  /** Pulls the host's cable: its `eth0` loses the carrier. */
  async cut(index: number): Promise<void> {
    await this.run('ip', 'link', 'set', this.#uplink(index).port, 'down');
  }

  /** The host's `eth0` is gone at once, which the kernel takes a while for when only its processes are. */
  async unplug(index: number): Promise<void> {
    await this.run('ip', 'link', 'del', this.#uplink(index).port);
  }

  async heal(index: number): Promise<void> {
    await this.run('ip', 'link', 'set', this.#uplink(index).port, 'up');
  }

  /** Another IPv4 address for the host, of the same wire, instead of the one it has; connections from that one end. */
  async changeAddress(host: LabHost, index: number, address: string): Promise<void> {
    const uplink = this.#uplink(index);
    // The second of one network would go with the first.
    await host.run('ip', 'address', 'del', `${uplink.address}/24`, 'dev', 'eth0');
    await host.run('ip', 'address', 'add', `${address}/24`, 'dev', 'eth0');
    await host.run('ip', 'route', 'add', 'default', 'via', routerAddress(uplink.wire));
    this.#uplinks.set(index, { ...uplink, address });
  }

  /** The command that runs `command` in the outside's network. */
  command(command: readonly string[]): readonly [string, ...string[]] {
    return ['nsenter', '-t', `${this.#namespace.pid}`, '-n', '--', ...command];
  }

  async try(...command: readonly string[]): Promise<Output> {
    const [file, ...rest] = this.command(command);
    const { stdout, stderr, exitCode } = await execa(file, rest, { reject: false, stdin: 'ignore' });
    return { stdout, stderr, exitCode: exitCode ?? -1 };
  }

  async run(...command: readonly string[]): Promise<string> {
    const { stdout, stderr, exitCode } = await this.try(...command);
    if (exitCode === 0) return stdout;
    throw new Error(`outside: ${command.join(' ')}: exit ${exitCode}\n${stderr || stdout}`);
  }

  async reaches(address: string): Promise<boolean> {
    return (await this.try('busybox', 'ping', '-c', '1', '-W', '1', address)).exitCode === 0;
  }

  /** What a TCP server (tcp-server.ts) says of a connection from here. Empty if there is no answer. */
  async seenBy(address: string, port: number): Promise<string> {
    return (await this.try('busybox', 'nc', '-w', '2', address, `${port}`)).stdout.trim();
  }

  /** Where containers' addresses are: the routes that a router next to the hosts would have. */
  async addRoute(prefix: string, host: number): Promise<void> {
    await this.run('ip', 'route', 'replace', prefix, 'via', this.addressOf(host, prefix.includes(':') ? 6 : 4));
  }

  probe(...words: readonly string[]): Promise<Probe> {
    return startProbe(this.command([process.execPath, PROBE, ...words]));
  }

  down(): Promise<void> {
    return this.#namespace.end();
  }
}
