import type { HostFacts } from '../../effects/host-facts.js';
import { type Cidr, overlaps, prefixLengthOf } from '../../model/cidr.js';

/** What one look at the host found. `blocker`: the daemon cannot work, and does not start. */
export interface Finding {
  readonly level: 'ok' | 'note' | 'warning' | 'blocker';
  /** A word or two: what was looked at. */
  readonly subject: string;
  readonly finding: string;
  /** What to do; undefined where there is nothing to do. */
  readonly fix: string | undefined;
}

/** What of the settings the host is held against. */
export interface CheckSettings {
  /** Undefined: taken from the host. */
  readonly mtu: number | undefined;
  readonly iptablesBackend: 'auto' | 'nft' | 'legacy';
  readonly dockerSocket: string;
  readonly pluginSocket: string;
  readonly pools: readonly Cidr[];
  /** The daemon asks before it listens: then whoever answers on the plugin's socket is another one. */
  readonly starting: boolean;
  /** systemd listens on the plugin's socket for the daemon that asks. Default: no. */
  readonly socketIsHeld?: boolean;
}

type Check = (facts: HostFacts, settings: CheckSettings) => readonly Finding[];

/** Everything worth telling about the host, in a fixed order. Pure. */
export function checkHost(facts: HostFacts, settings: CheckSettings): readonly Finding[] {
  return CHECKS.flatMap((check) => check(facts, settings));
}

const found = (level: Finding['level'], subject: string, finding: string, fix?: string): Finding[] => [
  { level, subject, finding, fix },
];

const CHECKS: readonly Check[] = [
  privileges,
  tools,
  kernel,
  settings,
  forwarding,
  forwardPolicy,
  backendMix,
  firewalls,
  rpFilter,
  bridgeFilter,
  docker,
  pluginSocket,
  mtu,
  overlap,
];

function privileges({ root, netAdmin }: HostFacts): Finding[] {
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
function kernel(facts: HostFacts, { iptablesBackend }: CheckSettings): Finding[] {
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

/** As root is told above, and not being it. */
function settings({ root, settingsWritable }: HostFacts): Finding[] {
  if (settingsWritable) return found('ok', 'kernel settings', 'can be written');
  if (!root) return [];
  return found(
    'blocker',
    'kernel settings',
    '/proc/sys/net is read-only, as it is in a container: the settings of links cannot be made',
    'give the container a /proc for it, as the manual says: docker run -v /proc:/opt/corduroy/proc',
  );
}

const KERNEL_PARTS = {
  ipset: 'modprobe -a ip_set ip_set_hash_net xt_set, or boot a kernel that has them (CONFIG_IP_SET)',
  nf_tables: 'modprobe nf_tables, or set iptablesBackend to legacy where the kernel has only those tables',
} as const;

const PACKAGES: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  ipset: 'ipset',
  conntrack: 'conntrack',
  stdbuf: 'coreutils',
  '/etc/protocols': 'netbase',
};

function tools({ missingTools }: HostFacts): Finding[] {
  if (missingTools.length === 0) return found('ok', 'tools', 'every program that is needed is installed');
  const packages = [...new Set(missingTools.map((tool) => PACKAGES[tool] ?? 'iptables'))];
  const programs = missingTools.join(', ');
  return found('blocker', 'tools', `not installed: ${programs}`, `apt-get install -y ${packages.join(' ')}`);
}

/** The daemon turns it on when it starts; off beneath a running one, somebody else turned it off since. */
function forwarding({ forwarding: { ipv4, ipv6 }, pluginSocket }: HostFacts, { starting }: CheckSettings): Finding[] {
  const running = pluginSocket === 'answers' && !starting;
  const one = (version: string, on: boolean | undefined, name: string): Finding[] => {
    if (on === undefined) return found('note', 'forwarding', `${version} forwarding: this kernel has no ${name}`);
    if (on) return found('ok', 'forwarding', `${version} forwarding is on`);
    if (!running) return found('note', 'forwarding', `${version} forwarding is off; the daemon turns it on`);
    return found(
      'warning',
      'forwarding',
      `${version} forwarding was turned off while the daemon runs: containers reach this host only`,
      `sysctl -w ${name}=1, and see that nothing in /etc/sysctl.d turns it off`,
    );
  };
  return [...one('IPv4', ipv4, 'net.ipv4.ip_forward'), ...one('IPv6', ipv6, 'net.ipv6.conf.all.forwarding')];
}

function forwardPolicy({ filters }: HostFacts): Finding[] {
  const dropping = (['nft', 'legacy'] as const).filter((backend) => filters[backend]?.forwardPolicy === 'DROP');
  if (dropping.length === 0) return found('ok', 'FORWARD policy', 'is ACCEPT');
  return found(
    'note',
    'FORWARD policy',
    `is DROP (iptables-${dropping.join(', iptables-')}), as Docker sets it: what a profile allows is accepted by a rule of ours`,
  );
}

function backendMix({ filters, iptablesDefault }: HostFacts, { iptablesBackend }: CheckSettings): Finding[] {
  const used = (['nft', 'legacy'] as const).filter((backend) => (filters[backend]?.rules ?? 0) > 0);
  const owner = (['nft', 'legacy'] as const).find((backend) => filters[backend]?.docker);
  if (iptablesBackend !== 'auto' && owner !== undefined && owner !== iptablesBackend) {
    return found(
      'warning',
      'iptables backend',
      `iptablesBackend is ${iptablesBackend}, but Docker uses ${owner}: what one accepts the other may drop`,
      'leave iptablesBackend at auto',
    );
  }
  if (used.length === 2) {
    return found(
      'warning',
      'iptables backend',
      'rules are in both iptables-nft and iptables-legacy: a packet must pass both, and most tools show only one',
      `move them to one: see iptables-${owner === 'nft' ? 'legacy' : 'nft'}-save, and update-alternatives --config iptables`,
    );
  }
  return found('ok', 'iptables backend', `${owner ?? used[0] ?? iptablesDefault ?? 'nft'} alone is in use`);
}

function firewalls({ activeFirewalls }: HostFacts): Finding[] {
  if (activeFirewalls.length === 0) return found('ok', 'firewalls', 'neither ufw nor firewalld is active');
  return activeFirewalls.flatMap((name) =>
    name === 'ufw'
      ? found(
          'note',
          'ufw',
          'is active: its rules for this host itself hold as before; for containers the profiles decide, ufw rules do not reach them',
          'write what containers may do as profile rules; "ufw route deny" is too late for them',
        )
      : found(
          'note',
          'firewalld',
          'is active: each reload removes rules of others; ours are put back, and denied traffic stays denied meanwhile',
          'keep containers out of its zones; if it rejects forwarded traffic: firewall-cmd --permanent --zone=trusted --add-interface=cord+',
        ),
  );
}

/** The kernel takes the larger of `all` and the interface's own value; 2 makes the check of the source loose. */
function rpFilter({ rpFilterAll }: HostFacts): Finding[] {
  if (rpFilterAll !== 2) return found('ok', 'rp_filter', 'strict on our interfaces');
  return found(
    'note',
    'rp_filter',
    'net.ipv4.conf.all.rp_filter is 2 (loose), which overrides the strict check on our interfaces; forged sources are still dropped in the raw table',
    'sysctl -w net.ipv4.conf.all.rp_filter=0 leaves each interface its own',
  );
}

function bridgeFilter({ bridgeNfCallIptables }: HostFacts): Finding[] {
  if (bridgeNfCallIptables !== true) return found('ok', 'br_netfilter', 'bridged packets do not pass iptables');
  return found(
    'note',
    'br_netfilter',
    "packets on Docker's bridges pass iptables too; ours match none of them, containers on our networks are on no bridge",
  );
}

function docker({ docker }: HostFacts, { dockerSocket, starting }: CheckSettings): Finding[] {
  if (docker.kind === 'slow' && starting) {
    return found('note', 'Docker', `is starting, or busy: ${dockerSocket} takes connections and has not answered yet`);
  }
  if (docker.kind === 'slow') {
    const finding = `does not answer on ${dockerSocket} within ${docker.afterMs} ms`;
    return found('warning', 'Docker', finding, 'systemctl start docker, or set dockerSocket');
  }
  if (docker.kind === 'silent') return found('warning', 'Docker', docker.problem, docker.remedy);
  const [major = 0, minor = 0] = docker.version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 10)) return found('ok', 'Docker', `version ${docker.version}`);
  return found(
    'warning',
    'Docker',
    `version ${docker.version} is older than 20.10, which this is made for`,
    'update it',
  );
}

function pluginSocket({ pluginSocket }: HostFacts, settings: CheckSettings): Finding[] {
  const path = settings.pluginSocket;
  if (settings.socketIsHeld) return found('ok', 'plugin socket', 'is one that systemd listens on for the daemon');
  if (pluginSocket === 'answers') {
    if (!settings.starting) return found('ok', 'plugin socket', `${path} answers`);
    return found(
      'blocker',
      'plugin socket',
      `another program answers on ${path}: a corduroy daemon is running already`,
      'stop it first, or set pluginSocket',
    );
  }
  if (settings.starting) return found('ok', 'plugin socket', `${path} is free`);
  const state = pluginSocket === 'stale' ? 'is left from a daemon that is gone' : 'is not there';
  return found('note', 'plugin socket', `${path} ${state}: no daemon runs`, 'start it: corduroy daemon');
}

function mtu({ uplinks }: HostFacts, settings: CheckSettings): Finding[] {
  const smallest = uplinks.reduce<(typeof uplinks)[number] | undefined>(
    (least, link) => (least === undefined || link.mtu < least.mtu ? link : least),
    undefined,
  );
  if (smallest === undefined) return found('note', 'MTU', 'this host has no interface towards others');
  if (settings.mtu !== undefined && settings.mtu > smallest.mtu) {
    return found(
      'warning',
      'MTU',
      `mtu is ${settings.mtu}, but ${smallest.name} carries ${smallest.mtu}: large packets would vanish`,
      `set mtu to ${smallest.mtu}, or leave it at auto`,
    );
  }
  const others = uplinks.filter(({ mtu }) => mtu !== smallest.mtu);
  if (others.length === 0) return found('ok', 'MTU', `${smallest.mtu} on every interface towards others`);
  const list = [smallest, ...others].map(({ name, mtu }) => `${name} ${mtu}`).join(', ');
  return found('note', 'MTU', `interfaces differ (${list})`, `where large packets vanish, set mtu to ${smallest.mtu}`);
}

function overlap({ routes }: HostFacts, { pools }: CheckSettings): Finding[] {
  const clashes = pools.flatMap((pool) =>
    routes
      .filter(({ destination }) => prefixLengthOf(destination) > 0 && overlaps(destination, pool))
      .map((route) => ({ pool, route })),
  );
  if (clashes.length === 0) return found('ok', 'pools', 'no pool overlaps a route of this host');
  return clashes.flatMap(({ pool, route }) =>
    found(
      'warning',
      'pools',
      `pool ${pool} overlaps this host's route to ${route.destination} on ${route.interfaceName}: containers could hide hosts there`,
      'use another pool: corduroy pool add CIDR, then corduroy pool set POOL --disable for this one',
    ),
  );
}
