import type { Sysctl, Sysctls } from '../src/effects/sysctls.js';
import type { TextFile } from '../src/effects/text-file.js';

const IPV4 = 'net/ipv4/ip_forward';
const IPV6 = 'net/ipv6/conf/all/forwarding';

/**
 * The host's own switches that routing needs, and what they were before us: kept on disk, so that uninstalling can put
 * them back.
 */
export class HostForwarding {
  readonly #sysctls: Sysctls;
  readonly #former: TextFile;

  constructor(sysctls: Sysctls, former: TextFile) {
    this.#sysctls = sysctls;
    this.#former = former;
  }

  /** Turns forwarding on where it is off. The settings that were changed, by path. */
  async enable(): Promise<readonly string[]> {
    const [ipv4, ipv6] = await this.#sysctls.read([IPV4, IPV6]);
    const wanted: Sysctl[] = [];
    if (ipv4 === '0') wanted.push({ path: IPV4, value: '1' });
    if (ipv6 === '0') wanted.push(...(await this.#keepRouterAdvertisements()), { path: IPV6, value: '1' });
    if (wanted.length === 0) return [];
    await this.#remember(wanted.map(({ path }) => path));
    await this.#sysctls.write(wanted);
    return wanted.map(({ path }) => path);
  }

  /** Puts back what `enable` changed; settings of links that are gone are left out. */
  async restore(): Promise<void> {
    const former = await this.#known();
    const paths = Object.keys(former);
    const present = await this.#sysctls.read(paths);
    await this.#sysctls.write(
      paths.filter((_, i) => present[i] !== undefined).map((path) => ({ path, value: former[path] ?? '' })),
    );
    await this.#former.remove();
  }

  /** A host that forwards ignores router advertisements unless told otherwise (2), and would lose its own default route. */
  async #keepRouterAdvertisements(): Promise<readonly Sysctl[]> {
    const links = (await this.#sysctls.list('net/ipv6/conf')).filter(
      (name) => !['all', 'default', 'lo'].includes(name) && !/^(cord|ctmp)/.test(name),
    );
    const paths = links.map((name) => `net/ipv6/conf/${name}/accept_ra`);
    const values = await this.#sysctls.read(paths);
    return paths.filter((_, i) => values[i] === '1').map((path) => ({ path, value: '2' }));
  }

  async #remember(paths: readonly string[]): Promise<void> {
    const former = await this.#known();
    const values = await this.#sysctls.read(paths);
    paths.forEach((path, i) => {
      const value = values[i];
      // The first value is the host's own; a later one may be somebody's mistake that we put right.
      if (value !== undefined) former[path] ??= value;
    });
    await this.#former.write(JSON.stringify(former, undefined, 2));
  }

  async #known(): Promise<Record<string, string>> {
    const text = await this.#former.read();
    if (text === undefined) return {};
    try {
      const json: unknown = JSON.parse(text);
      if (typeof json !== 'object' || json === null) return {};
      return Object.fromEntries(
        Object.entries(json).filter(
          (entry): entry is [string, string] => /^net\/ipv[46]\//.test(entry[0]) && /^\d+$/.test(String(entry[1])),
        ),
      );
    } catch {
      return {};
    }
  }
}
