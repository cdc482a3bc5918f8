import type { HostFacts } from '../../effects/host-facts.js';
import { type CheckSettings, type Finding, found } from './finding.js';

export function checkPrivileges({ root, netAdmin }: HostFacts): Finding[] {
  if (!root) {
    return found('blocker', 'privileges', 'does not run as root: it may not change the kernel', 'run it with sudo');
  }
  if (netAdmin) return found('ok', 'privileges', 'runs as root');
  return found(
    'blocker',
    'privileges',
    'runs as root without CAP_NET_ADMIN: it may not change the kernel',
    'grant it: in a container with --cap-add NET_ADMIN and --network host, in a systemd unit by CapabilityBoundingSet',
  );
}

/** Without the capability every tool is refused: that is told once. */
export function checkKernel(facts: HostFacts, { iptablesBackend }: CheckSettings): Finding[] {
  const { root, netAdmin, kernelRefusals, iptablesDefault, filters } = facts;
  const usesNft =
    iptablesBackend === 'nft' ||
    (iptablesBackend === 'auto' && iptablesDefault !== 'legacy' && filters.legacy?.docker !== true);
  const needed = kernelRefusals.filter(({ part }) => part === 'ipset' || usesNft);
  if (needed.length === 0) return found('ok', 'kernel', 'has ipset and netfilter');
  if (!root || !netAdmin) return [];
  return needed.flatMap(({ part, reason }) =>
    found('blocker', 'kernel', `${part} cannot be used: ${reason}`, KERNEL_PARTS[part]),
  );
}

const KERNEL_PARTS = {
  ipset: 'modprobe -a ip_set ip_set_hash_net xt_set, or boot a kernel that has them (CONFIG_IP_SET)',
  nf_tables: 'modprobe nf_tables, or set iptablesBackend to legacy where the kernel has only those tables',
} as const;

/** Not being root is told of by itself. */
export function checkSettings({ root, settingsWritable }: HostFacts): Finding[] {
  if (settingsWritable) return found('ok', 'kernel settings', 'can be written');
  if (!root) return [];
  return found(
    'blocker',
    'kernel settings',
    '/proc/sys/net is read-only, as it is in a container: the settings of links cannot be made',
    'give the container a /proc for it, as the manual says: docker run -v /proc:/opt/corduroy/proc',
  );
}

export function checkTools({ missingTools }: HostFacts): Finding[] {
  if (missingTools.length === 0) return found('ok', 'tools', 'every program that is needed is installed');
  const packages = [...new Set(missingTools.map((tool) => PACKAGES[tool] ?? 'iptables'))];
  const programs = missingTools.join(', ');
  return found('blocker', 'tools', `not installed: ${programs}`, `apt-get install -y ${packages.join(' ')}`);
}

const PACKAGES: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  ipset: 'ipset',
  conntrack: 'conntrack',
  stdbuf: 'coreutils',
  '/etc/protocols': 'netbase',
};
