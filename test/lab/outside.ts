import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { LabHost, Output } from './host.js';
import { type NamespaceProcess, startNamespaces } from './namespace-process.js';
import { type Probe, startProbe } from './probe-process.js';

const PROBE = fileURLToPath(new URL('./probe.js', import.meta.url));

/** `10.99.0.11` and `fd99::11` for the first host. */
export const hostAddress = (index: number, family: 4 | 6 = 4): string =>
  family === 4 ? `10.99.0.${11 + index}` : `fd99::${11 + index}`;

/** All that is not a host of the lab: the wire between them, and one machine on it that plays client, server and attacker. */
export class Outside {
  static readonly address = '10.99.0.1';
  static readonly address6 = 'fd99::1';
  readonly #namespace: NamespaceProcess;

  private constructor(namespace: NamespaceProcess) {
    this.#namespace = namespace;
  }

  static async up(): Promise<Outside> {
    const outside = new Outside(
      await startNamespaces(['--net'], ['bash', '-c', 'echo ready; while read -r _; do :; done']),
    );
    await outside.run('ip', 'link', 'set', 'lo', 'up');
    await outside.run('ip', 'link', 'add', 'wire', 'type', 'bridge', 'forward_delay', '0');
    await outside.run('ip', 'address', 'add', `${Outside.address}/24`, 'dev', 'wire');
    await outside.run('ip', 'address', 'add', `${Outside.address6}/64`, 'dev', 'wire', 'nodad');
    await outside.run('ip', 'link', 'set', 'wire', 'up');
    return outside;
  }

  /** Gives the host an `eth0` on the wire, its addresses and its default routes. */
  async connect(host: LabHost, index: number): Promise<void> {
    const port = `port${index + 1}`;
    await this.run('ip', 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', `${host.pid}`);
    await this.run('ip', 'link', 'set', port, 'master', 'wire', 'up');
    await host.run('ip', 'address', 'add', `${hostAddress(index)}/24`, 'dev', 'eth0');
    await host.run('ip', 'address', 'add', `${hostAddress(index, 6)}/64`, 'dev', 'eth0', 'nodad');
    // No waiting for duplicates of the link-local address: what a test compares must not change by itself.
    await host.run('sysctl', '-qw', 'net.ipv6.conf.eth0.accept_dad=0');
    await host.run('ip', 'link', 'set', 'eth0', 'up');
    await host.run('ip', 'route', 'add', 'default', 'via', Outside.address);
    await host.run('ip', '-6', 'route', 'add', 'default', 'via', Outside.address6);
  }

  #inside(command: readonly string[]): readonly [string, ...string[]] {
    return ['nsenter', '-t', `${this.#namespace.pid}`, '-n', '--', ...command];
  }

  async try(...command: readonly string[]): Promise<Output> {
    const [file, ...rest] = this.#inside(command);
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
    await this.run('ip', 'route', 'replace', prefix, 'via', hostAddress(host, prefix.includes(':') ? 6 : 4));
  }

  probe(...words: readonly string[]): Promise<Probe> {
    return startProbe(this.#inside([process.execPath, PROBE, ...words]));
  }

  down(): Promise<void> {
    return this.#namespace.end();
  }
}
