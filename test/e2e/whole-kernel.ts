import type { LabHost } from '../lab/host.js';
import { kernelView } from './kernel-view.js';

/**
 * All that a host's user could compare, as sorted lines, each with the command that shows it. Left out are counters,
 * what ends by itself, and the frames of empty tables, which appear with a table's first rule and stay.
 */
export async function wholeKernel(host: LabHost): Promise<readonly string[]> {
  const { links, routes, rules, sets } = await kernelView(host);
  const tell = async (name: string, ...command: readonly string[]): Promise<readonly string[]> =>
    (await host.run(...command))
      .split('\n')
      .map((line) => line.trim().replace(/ qlen \d+|\\ {4}.*$/g, ''))
      .filter((line) => line !== '')
      .map((line) => `${name} ${line}`);
  const all = [
    ...links.map((line) => `link ${line}`),
    ...routes.map((line) => `route ${line}`),
    ...rules.filter((line) => !/ (COMMIT|\*\w+|:[A-Z]+ ACCEPT)$/.test(line.trim())),
    ...sets.map((line) => `ipset ${line}`),
    ...(await tell('link', 'ip', '-o', 'link', 'show')),
    ...(await tell('rule', 'ip', '-4', 'rule')),
    ...(await tell('rule6', 'ip', '-6', 'rule')),
    ...(await tell('neighbour', 'ip', 'neigh', 'show', 'nud', 'permanent')),
    ...(await tell('address', 'sh', '-c', "ip -o address | awk '{print $2, $4}'")),
    // Some settings cannot be read, which newer versions of sysctl take for a failure.
    ...(await tell('sysctl', 'sh', '-c', "sysctl -a -r '^net[.](ipv4|ipv6|bridge)[.]' 2>/dev/null || true")),
  ];
  return all.toSorted((a, b) => (a < b ? -1 : 1));
}

/** What of ours, or of these addresses, is in the kernel: empty when nothing was left behind. */
export async function tracesOf(host: LabHost, addresses: RegExp): Promise<readonly string[]> {
  const whole = await wholeKernel(host);
  const flows = (await host.run('sh', '-c', 'conntrack -L 2>/dev/null; conntrack -L -f ipv6 2>/dev/null')).split('\n');
  const neighbours = (await host.run('ip', 'neigh', 'show')).split('\n');
  return [
    ...whole,
    ...flows.map((line) => `conntrack ${line}`),
    ...neighbours.map((line) => `neighbour ${line}`),
  ].filter((line) => addresses.test(line));
}
