import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PolicyEngine } from '../../policy/engine.js';
import { setsText, stateText } from '../../policy/restore-text.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { containerInterfaceOf, hostInterfaceOf } from '../../src/model/ids.js';
import { familyOf } from '../../src/model/ip-address.js';
import { hostSideMacOf } from '../../src/model/mac-address.js';
import type { Probe } from './probe-agent.js';
import { moveIntoContainer } from './test-container.js';
import { startIn, type TestNamespace } from './test-namespace.js';

/** A namespace with an agent that serves ports and tries those of others. */
export class Member {
  readonly namespace: TestNamespace;
  readonly #agent: ReturnType<typeof startIn>;
  #last = 0;

  private constructor(namespace: TestNamespace, agent: ReturnType<typeof startIn>) {
    this.namespace = namespace;
    this.#agent = agent;
  }

  static async start(namespace: TestNamespace, ports: readonly number[]): Promise<Member> {
    const agent = startIn(
      namespace,
      process.execPath,
      `${process.cwd()}/build/test/netns/probe-agent.js`,
      ...ports.map(String),
    );
    for (let waits = 0; agent.lines.length === 0; waits++) {
      if (waits > 500) throw new Error(`the agent in ${namespace.name} did not start`);
      await sleep(20);
    }
    return new Member(namespace, agent);
  }

  /** The address under which the other side saw us; undefined: no answer came. */
  async reach(protocol: Probe['protocol'], host: string, port: number, from?: string): Promise<string | undefined> {
    return (await this.#ask({ protocol, host, port, payload: 'probe', ...(from === undefined ? {} : { from }) }))
      .seenAs;
  }

  /** Sends one datagram and does not mind whether it is answered. */
  async send(host: string, port: number, payload: string, from: string): Promise<void> {
    await this.#ask({ protocol: 'udp', host, port, payload, from });
  }

  /** Payloads of all datagrams that came to us. */
  async received(): Promise<readonly string[]> {
    return (await this.#ask({ protocol: 'udp', host: '127.0.0.1', port: 1, payload: '' })).received;
  }

  ping(host: string): Promise<boolean> {
    return this.namespace.succeeds('busybox', 'ping', '-c', '1', '-W', '1', host);
  }

  async stop(): Promise<void> {
    this.#agent.kill();
    await this.#agent.ended;
    await this.namespace.dispose();
  }

  async #ask(probe: Omit<Probe, 'id'>): Promise<{ seenAs?: string; received: readonly string[] }> {
    const id = ++this.#last;
    this.#agent.write(`${JSON.stringify({ id, ...probe })}\n`);
    for (let waits = 0; waits < 500; waits++) {
      const answer = this.#agent.lines.find((line) => line.startsWith(`{"id":${id},`));
      if (answer !== undefined) return JSON.parse(answer);
      await sleep(10);
    }
    throw new Error(`the agent in ${this.namespace.name} did not answer`);
  }
}

/** Links the endpoint to the host as the data plane does, and gives it a container. */
export async function plug(host: TestNamespace, endpoint: Endpoint): Promise<TestNamespace> {
  const hostEnd = hostInterfaceOf(endpoint.id);
  const containerEnd = containerInterfaceOf(endpoint.id);
  await host.ip(
    `link add ${hostEnd} address ${hostSideMacOf(endpoint.dockerNetworkId)} type veth peer name ${containerEnd} address ${endpoint.mac}`,
  );
  const conf = (family: 'ipv4' | 'ipv6', name: string) => `net/${family}/conf/${hostEnd}/${name}`;
  await host.sysctls.write([
    { path: conf('ipv4', 'proxy_arp'), value: '1' },
    { path: `net/ipv4/neigh/${hostEnd}/proxy_delay`, value: '0' },
    { path: conf('ipv4', 'rp_filter'), value: '0' },
    { path: conf('ipv6', 'accept_dad'), value: '0' },
  ]);
  await host.ip(`link set ${hostEnd} up`);
  for (const address of endpoint.addresses) {
    const bits = familyOf(address) === 4 ? 32 : 128;
    await host.ip(`neigh replace ${address} lladdr ${endpoint.mac} dev ${hostEnd} nud permanent`);
    await host.ip(`route replace ${address}/${bits} dev ${hostEnd} scope link`);
  }
  return moveIntoContainer(host, endpoint);
}

/** Loads all that the engine wants into the namespace, whose packet filter is empty. */
export async function loadPolicy(namespace: TestNamespace, engine: PolicyEngine): Promise<void> {
  const folder = await mkdtemp(`${tmpdir()}/cordt-policy-`);
  const [v4, v6] = [engine.state(4), engine.state(6)];
  await writeFile(`${folder}/sets`, setsText([...v4.sets.values(), ...v6.sets.values()]));
  await writeFile(`${folder}/v4`, stateText(v4));
  await writeFile(`${folder}/v6`, stateText(v6));
  await namespace.exec('ipset', 'restore', '-file', `${folder}/sets`);
  await namespace.exec('iptables-nft-restore', `${folder}/v4`);
  await namespace.exec('ip6tables-nft-restore', `${folder}/v6`);
  await rm(folder, { recursive: true });
}
