import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { type NamespaceProcess, startNamespaces } from '../lab/namespace-process.js';
import type { Outside } from '../lab/outside.js';

/** A BIRD in the outside world that plays the switch of the rack, and a machine behind it. */
export class TopOfRack {
  /** The machine behind it. */
  static readonly behind = '172.16.9.2';
  readonly #outside: Outside;
  readonly #directory: string;
  readonly #machine: NamespaceProcess;
  #bird: NamespaceProcess | undefined;

  private constructor(outside: Outside, directory: string, machine: NamespaceProcess) {
    this.#outside = outside;
    this.#directory = directory;
    this.#machine = machine;
  }

  /** @param protocols its BGP sessions, in BIRD's language */
  static async start(outside: Outside, protocols: string): Promise<TopOfRack> {
    const machine = await startNamespaces(['--net'], ['bash', '-c', WAIT]);
    const tor = new TopOfRack(outside, await mkdtemp(join(tmpdir(), 'cord-tor-')), machine);
    await outside.run('sysctl', '-qw', 'net.ipv4.ip_forward=1');
    await outside.run('ip', 'link', 'add', 'behind', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', `${machine.pid}`);
    await outside.run('ip', 'address', 'add', '172.16.9.1/24', 'dev', 'behind');
    await outside.run('ip', 'link', 'set', 'behind', 'up');
    await tor.fromBehind('ip', 'address', 'add', `${TopOfRack.behind}/24`, 'dev', 'eth0');
    await tor.fromBehind('ip', 'link', 'set', 'eth0', 'up');
    await tor.fromBehind('ip', 'route', 'add', 'default', 'via', '172.16.9.1');
    const configuration = `router id 10.99.0.1; protocol device { } protocol direct { ipv4; }
      protocol kernel { ipv4 { export where source = RTS_BGP; }; } ${protocols}`;
    await writeFile(join(tor.#directory, 'bird.conf'), configuration);
    const bird = `bird -c ${tor.#directory}/bird.conf -s ${tor.#directory}/bird.ctl -P ${tor.#directory}/bird.pid`;
    tor.#bird = await startNamespaces(
      ['--pid'],
      ['nsenter', `--net=${outside.netns}`, 'bash', '-c', `${bird} && ${WAIT}`],
    );
    return tor;
  }

  /** Runs a command on the machine behind it; an exit code other than 0 is a result. */
  async fromBehind(...command: readonly string[]): Promise<{ readonly stdout: string; readonly exitCode: number }> {
    const inside = ['-t', `${this.#machine.pid}`, '-n', '--', ...command];
    const { stdout, exitCode } = await execa('nsenter', inside, { reject: false, stdin: 'ignore' });
    return { stdout, exitCode: exitCode ?? -1 };
  }

  /** What it has in its kernel, by BGP: `10.64.0.0/26 via 10.99.0.11`. */
  async routes(): Promise<readonly string[]> {
    const text = await this.#outside.run('ip', 'route', 'show', 'proto', 'bird');
    return text.split('\n').flatMap((line) => /^\S+ via \S+/.exec(line)?.[0] ?? []);
  }

  async end(): Promise<void> {
    await this.#bird?.end();
    await this.#machine.end();
    await rm(this.#directory, { recursive: true });
  }
}

/** Ends with the test process, however that ends. */
const WAIT = 'echo ready; while read -r _; do :; done';
