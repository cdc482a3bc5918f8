import { fileURLToPath } from 'node:url';
import type { LabHost, Output } from './host.js';
import { type Probe, startProbe } from './probe-process.js';

const TCP_SERVER = fileURLToPath(new URL('./tcp-server.js', import.meta.url));
const PROBE = fileURLToPath(new URL('./probe.js', import.meta.url));

/** A running container's network, entered directly: a tenth of the time of `docker exec`, and every tool of this machine. */
export class Container {
  readonly name: string;
  readonly #host: LabHost;
  /** As the host sees it. */
  readonly #pid: number;

  constructor(host: LabHost, name: string, pid: number) {
    this.#host = host;
    this.name = name;
    this.#pid = pid;
  }

  /** The command on the host that runs `command` in the container's network, and lets it die with the container. */
  #inside(command: readonly string[]): readonly string[] {
    return ['nsenter', '-t', `${this.#pid}`, '-n', '-p', '--', ...command];
  }

  try(...command: readonly string[]): Promise<Output> {
    return this.#host.try(this.#inside(command));
  }

  run(...command: readonly string[]): Promise<string> {
    return this.#host.run(...this.#inside(command));
  }

  /** One ping answered within a second. */
  async reaches(address: string): Promise<boolean> {
    return (await this.try('busybox', 'ping', '-c', '1', '-W', '1', address)).exitCode === 0;
  }

  /** What a TCP server (tcp-server.ts) there says of this connection: the address it sees. Empty if there is no answer. */
  async seenBy(address: string, port: number): Promise<string> {
    return (await this.try('busybox', 'nc', '-w', '2', address, `${port}`)).stdout.trim();
  }

  /** A server on `ports` that tells each connection the address it comes from. It ends with its container. */
  async serve(...ports: readonly number[]): Promise<void> {
    await this.#host.startBeside(this.#inside([process.execPath, TCP_SERVER, ...ports.map(String)]));
  }

  /** Its address on a network, by family. */
  async address(network: string, family: 4 | 6 = 4): Promise<string> {
    const field = family === 4 ? 'IPAddress' : 'GlobalIPv6Address';
    return this.#host.docker('inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").${field}}}`, this.name);
  }

  /** A probe (probe.ts) in the container's network. */
  probe(...words: readonly string[]): Promise<Probe> {
    return startProbe(this.#host.command(this.#inside([process.execPath, PROBE, ...words])));
  }
}
