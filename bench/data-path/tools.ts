import { type Place, PORTS, type Variant } from './variants.js';

/**
 * Processors, the same ones in every variant: one each where bandwidth is measured; the same for both where latency is,
 * so that it is the time of the path, not of waking a processor.
 */
const SERVER_CPU = 0;
const CLIENT_CPU = 1;
const READY_MS = 10_000;

/** qperf counts processors from 1; its 0 means any of them. */
const qperfCpu = (cpu: number): string => `${cpu + 1}`;

/** Starts qperf and iperf3 in the server's network; they end with the host. */
export async function startServers({ name, server }: Variant): Promise<void> {
  const label = name.replace(/[^a-z]+/gi, '-');
  server.host.start(`qperf-${label}`, server.inside(['qperf', '--listen_port', `${PORTS.qperf}`]));
  const iperf = server.host.start(`iperf3-${label}`, server.inside(['iperf3', '-s', '-p', `${PORTS.iperf}`]));
  const listening = async () => server.host.run(...server.inside(['ss', '-Hltn']));
  const all = [`:${PORTS.qperf} `, `:${PORTS.iperf} `];
  await iperf.waitUntil(async () => {
    const sockets = await listening();
    return all.every((port) => sockets.includes(port));
  }, READY_MS);
}

/** Runs a client's command, at most `limitSeconds` long. */
async function run({ host, inside }: Place, limitSeconds: number, words: readonly string[]): Promise<string> {
  return host.run(...inside(['timeout', `${limitSeconds}`, ...words]));
}

/** One second of qperf's test with messages of `bytes`: Gbit/s of `tcp_bw`, or µs one way of `tcp_lat`. */
export async function qperf({ client, address }: Variant, test: 'tcp_bw' | 'tcp_lat', bytes: number): Promise<number> {
  const cpus = ['-lca', qperfCpu(test === 'tcp_lat' ? SERVER_CPU : CLIENT_CPU), '-rca', qperfCpu(SERVER_CPU)];
  const words = [...cpus, '-uu', '-t', '1', '-lp', `${PORTS.qperf}`, '-ip', `${PORTS.qperfData}`, '-m', `${bytes}`];
  const printed = await run(client, 10, ['qperf', ...words, address, test]);
  const value = Number(/(?:bw|latency) += +([\d.]+) (?:bytes\/sec|ns)/.exec(printed)?.[1]);
  if (!(value > 0)) throw new Error(`qperf ${test} to ${address} printed: ${printed}`);
  return test === 'tcp_bw' ? (value * 8) / 1e9 : value / 1e3;
}

/** One second of iperf3, Gbit/s as the receiver counts. */
export async function iperf3({ client, address }: Variant): Promise<number> {
  const printed = await run(client, 10, [
    'iperf3',
    '-c',
    address,
    '-p',
    `${PORTS.iperf}`,
    '-t',
    '1',
    '-J',
    '-A',
    `${CLIENT_CPU},${SERVER_CPU}`,
  ]);
  const { end } = JSON.parse(printed) as {
    readonly end: { readonly sum_received: { readonly bits_per_second: number } };
  };
  return end.sum_received.bits_per_second / 1e9;
}
