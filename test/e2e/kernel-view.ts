import type { LabHost } from '../lab/host.js';

/** Everything of one host's kernel that a driver could leave behind, as text that can be compared. */
export interface KernelView {
  readonly links: readonly string[];
  readonly routes: readonly string[];
  readonly rules: readonly string[];
  readonly sets: readonly string[];
}

/** Counters and the order of independent lines left out. */
export async function kernelView(host: LabHost): Promise<KernelView> {
  const lines = async (...command: readonly string[]) =>
    (await host.run(...command))
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
  const links = (await lines('ip', '-o', 'link')).map((line) => line.split(': ')[1]?.split('@')[0] ?? '');
  const save = async (command: string) => {
    let table = '';
    return (await lines(command)).flatMap((line) => {
      if (line.startsWith('*')) table = line;
      return line.startsWith('#') ? [] : [`${command} ${table} ${line.replace(/\[\d+:\d+\]/, '')}`];
    });
  };
  const sets = (await lines('ipset', 'save')).map((line) =>
    line.replace(/ (timeout|hashsize|maxelem|bucketsize|initval) \S+/g, ''),
  );
  return {
    links: links.toSorted((a, b) => a.localeCompare(b)),
    routes: [
      ...(await lines('ip', 'route', 'show', 'table', 'all')),
      ...(await lines('ip', '-6', 'route', 'show', 'table', 'all')),
    ].toSorted((a, b) => a.localeCompare(b)),
    rules: [...(await save('iptables-save')), ...(await save('ip6tables-save'))].toSorted((a, b) => a.localeCompare(b)),
    sets: sets.toSorted((a, b) => a.localeCompare(b)),
  };
}
