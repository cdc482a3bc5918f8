import type { HostFacts } from '../../effects/host-facts.js';
import { type CheckSettings, type Finding, found } from './finding.js';

/** The daemon turns it on when it starts; off beneath a running one, somebody else turned it off since. */
export function checkForwarding(
  { forwarding: { ipv4, ipv6 }, pluginSocket }: HostFacts,
  { starting }: CheckSettings,
): Finding[] {
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

export function checkForwardPolicy({ filters }: HostFacts): Finding[] {
  const dropping = (['nft', 'legacy'] as const).filter((backend) => filters[backend]?.forwardPolicy === 'DROP');
  if (dropping.length === 0) return found('ok', 'FORWARD policy', 'is ACCEPT');
  return found(
    'note',
    'FORWARD policy',
    `is DROP (iptables-${dropping.join(', iptables-')}), as Docker sets it: what a profile allows is accepted by a rule of ours`,
  );
}

export function checkBackends({ filters, iptablesDefault }: HostFacts, { iptablesBackend }: CheckSettings): Finding[] {
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

export function checkFirewalls({ activeFirewalls }: HostFacts): Finding[] {
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
export function checkRpFilter({ rpFilterAll }: HostFacts): Finding[] {
  if (rpFilterAll !== 2) return found('ok', 'rp_filter', 'strict on our interfaces');
  return found(
    'note',
    'rp_filter',
    'net.ipv4.conf.all.rp_filter is 2 (loose), which overrides the strict check on our interfaces; forged sources are still dropped in the raw table',
    'sysctl -w net.ipv4.conf.all.rp_filter=0 leaves each interface its own',
  );
}

export function checkBridgeFilter({ bridgeNfCallIptables }: HostFacts): Finding[] {
  if (bridgeNfCallIptables !== true) return found('ok', 'br_netfilter', 'bridged packets do not pass iptables');
  return found(
    'note',
    'br_netfilter',
    "packets on Docker's bridges pass iptables too; ours match none of them, containers on our networks are on no bridge",
  );
}
