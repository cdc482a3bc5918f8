import { expect, test } from '@jest/globals';
import type { HostFacts } from '../../../src/effects/host-facts.js';
import { filterFacts } from '../../../src/infrastructure/linux/host-facts.js';
import { parseCidr } from '../../../src/model/cidr.js';
import type { CheckSettings } from '../../../src/server/check/finding.js';
import { checkHost } from '../../../src/server/check/host-check.js';
import { goodHost } from '../../builders/admin.js';

const settings: CheckSettings = {
  mtu: undefined,
  iptablesBackend: 'auto',
  dockerSocket: '/var/run/docker.sock',
  pluginSocket: '/run/docker/plugins/corduroy.sock',
  pools: [parseCidr('10.64.0.0/12')],
  starting: false,
};

const beyondOk = (facts: Partial<HostFacts>, changed: Partial<CheckSettings> = {}) =>
  checkHost({ ...goodHost, ...facts }, { ...settings, ...changed }).filter(({ level }) => level !== 'ok');

test('nothing is wrong with a good host, and every subject says so', () => {
  expect(beyondOk({})).toEqual([]);
  expect(checkHost(goodHost, settings).map(({ subject }) => subject)).toEqual([
    'privileges',
    'tools',
    'kernel',
    'kernel settings',
    'forwarding',
    'forwarding',
    'FORWARD policy',
    'iptables backend',
    'firewalls',
    'rp_filter',
    'br_netfilter',
    'Docker',
    'plugin socket',
    'MTU',
    'pools',
  ]);
});

const docker = { rules: 12, docker: true, forwardPolicy: 'DROP' } as const;
const others = { rules: 3, docker: false, forwardPolicy: 'ACCEPT' } as const;
const eth = { name: 'eth0', mtu: 1500 };

test.each<[string, Partial<HostFacts>, Partial<CheckSettings>, string, RegExp, RegExp | undefined]>([
  ['not root', { root: false }, {}, 'blocker', /not run as root/, /sudo/],
  [
    'missing tools',
    { missingTools: ['ipset', 'ip6tables', 'iptables'] },
    {},
    'blocker',
    /ipset, ip6tables/,
    /^apt-get install -y ipset iptables$/,
  ],
  ['root without the capability', { netAdmin: false }, {}, 'blocker', /without CAP_NET_ADMIN/, /--cap-add NET_ADMIN/],
  ['settings that are read-only', { settingsWritable: false }, {}, 'blocker', /read-only/, /\/opt\/corduroy\/proc/],
  [
    'a kernel without ipset',
    { kernelRefusals: [{ part: 'ipset', reason: 'Cannot open session to kernel.' }] },
    {},
    'blocker',
    /^ipset cannot be used: Cannot open session to kernel\.$/,
    /^modprobe -a ip_set/,
  ],
  // On such a kernel that program cannot tell its version either.
  [
    'a kernel without nf_tables',
    { kernelRefusals: [{ part: 'nf_tables', reason: 'Protocol not supported' }], iptablesDefault: undefined },
    {},
    'blocker',
    /^nf_tables cannot be used: Protocol not supported$/,
    /^modprobe nf_tables/,
  ],
  ['another daemon', {}, { starting: true }, 'blocker', /running already/, /stop it/],
  ['no daemon', { pluginSocket: 'stale' }, {}, 'note', /left from a daemon/, /corduroy daemon/],
  [
    'forwarding off before the start',
    { forwarding: { ipv4: false, ipv6: true }, pluginSocket: 'absent' },
    { starting: true },
    'note',
    /the daemon turns it on/,
    undefined,
  ],
  [
    'forwarding off beneath a daemon',
    { forwarding: { ipv4: true, ipv6: false } },
    {},
    'warning',
    /IPv6 forwarding was turned off/,
    /net\.ipv6\.conf\.all\.forwarding=1/,
  ],
  ['FORWARD DROP', { filters: { nft: docker, legacy: undefined } }, {}, 'note', /is DROP \(iptables-nft\)/, undefined],
  [
    'rules in both backends',
    { filters: { nft: { ...docker, forwardPolicy: 'ACCEPT' }, legacy: others } },
    {},
    'warning',
    /both iptables-nft and iptables-legacy/,
    /iptables-legacy-save/,
  ],
  ['a backend that Docker does not use', {}, { iptablesBackend: 'legacy' }, 'warning', /Docker uses nft/, /auto/],
  ['ufw', { activeFirewalls: ['ufw'] }, {}, 'note', /profiles decide/, /profile rules/],
  ['firewalld', { activeFirewalls: ['firewalld'] }, {}, 'note', /put back/, /zone/],
  ['loose rp_filter', { rpFilterAll: 2 }, {}, 'note', /loose/, /rp_filter=0/],
  ['br_netfilter', { bridgeNfCallIptables: true }, {}, 'note', /bridges pass iptables/, undefined],
  ['a slow Docker', { docker: { kind: 'slow', afterMs: 2_000 } }, {}, 'warning', /within 2000 ms/, /systemctl/],
  [
    'a Docker that boots and waits for its plugin',
    { docker: { kind: 'slow', afterMs: 200 }, pluginSocket: 'absent' },
    { starting: true },
    'note',
    /is starting/,
    undefined,
  ],
  [
    'no Docker',
    { docker: { kind: 'silent', problem: 'there is no /d.sock', remedy: 'start Docker' } },
    {},
    'warning',
    /^there is no \/d.sock$/,
    /^start Docker$/,
  ],
  ['an old Docker', { docker: { kind: 'answers', version: '19.03.15' } }, {}, 'warning', /older than 20.10/, /update/],
  ['an MTU that does not fit', {}, { mtu: 9000 }, 'warning', /eth0 carries 1500/, /1500/],
  ['MTUs that differ', { uplinks: [eth, { name: 'wg0', mtu: 1420 }] }, {}, 'note', /wg0 1420, eth0 1500/, /1420/],
  [
    'a route in a pool',
    { routes: [{ destination: parseCidr('10.70.0.0/16'), interfaceName: 'eth1' }] },
    {},
    'warning',
    /10\.64\.0\.0\/12 overlaps .*10\.70\.0\.0\/16 on eth1/,
    /pool add/,
  ],
])('%s', (_, facts, changed, level, finding, fix) => {
  const [only, ...more] = beyondOk(facts, changed);
  expect(more).toEqual([]);
  expect(only).toMatchObject({ level, finding: expect.stringMatching(finding) });
  if (fix === undefined) expect(only?.fix).toBeUndefined();
  else expect(only?.fix).toMatch(fix);
});

test('what iptables-save prints becomes facts; our own rules are no evidence', () => {
  const saved = `*mangle
:FORWARD ACCEPT [0:0]
-A FORWARD -j cord-fwd
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -i cord+ -j DROP
COMMIT
`;
  expect(filterFacts(saved)).toEqual({ rules: 1, docker: true, forwardPolicy: 'DROP' });
  expect(filterFacts('')).toEqual({ rules: 0, docker: false, forwardPolicy: undefined });
  expect(filterFacts(undefined)).toBeUndefined();
});

test('a socket that systemd holds for the daemon is no other daemon', () => {
  expect(beyondOk({}, { starting: true, socketIsHeld: true })).toEqual([]);
});
