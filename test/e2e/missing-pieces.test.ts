import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PROGRAM } from '../lab/host.js';
import { Lab } from '../lab/lab.js';
import { describeInLab } from '../lab/needs.js';
import { CorduroyLab, E2E_TIMEOUT_MS } from './corduroy-host.js';

/** One piece that is taken away, and what the daemon says of it when it is started, with what to do. */
interface Piece {
  readonly missing: string;
  /** Shell on the host, before and after. */
  readonly take: string;
  readonly giveBack?: string;
  readonly flags?: readonly string[];
  /** What the daemon is started under. */
  readonly under?: readonly string[];
  readonly says: RegExp;
}

const BIN = '/usr/sbin /usr/bin';
const hide = (...programs: readonly string[]) => ({
  take: `for p in ${programs.join(' ')}; do for d in ${BIN}; do [ ! -L $d/$p -a ! -e $d/$p ] || mv $d/$p $d/.away-$p; done; done`,
  giveBack: `for d in ${BIN}; do for p in $d/.away-*; do [ ! -L $p -a ! -e $p ] || mv $p $d/\${p##*/.away-}; done; done`,
});
const readOnly = (folder: string) => ({
  take: `mkdir -p ${folder}; mount --bind ${folder} ${folder}; mount -o remount,bind,ro ${folder}`,
  giveBack: `umount ${folder}`,
});
const ETCD = ['--datastore', 'etcd', '--etcd-endpoints', 'https://10.99.0.1:2379'];
const TLS = [...ETCD, '--etcd-ca-file', '/run/lab/ca.pem'];

const PIECES: readonly Piece[] = [
  {
    missing: 'names of protocols',
    take: 'mv /etc/protocols /etc/.away',
    giveBack: 'mv /etc/.away /etc/protocols',
    says: /not installed: \/etc\/protocols\n {2}try: apt-get install -y netbase/,
  },
  { missing: 'ipset', ...hide('ipset'), says: /not installed: ipset\n {2}try: apt-get install -y ipset/ },
  {
    missing: 'iptables',
    ...hide('iptables', 'ip6tables', 'iptables-restore', 'iptables-nft', 'iptables-legacy', 'xtables-nft-multi'),
    says: /not installed: .*iptables.*\n {2}try: apt-get install -y iptables/,
  },
  {
    missing: 'conntrack',
    ...hide('conntrack'),
    says: /not installed: conntrack\n {2}try: apt-get install -y conntrack/,
  },
  {
    missing: 'BIRD, with BGP',
    ...hide('bird'),
    flags: ['--route-distribution', 'bgp'],
    says: /routeDistribution bgp needs BIRD 2, and it is not installed; install it with "apt-get install bird2", or set/,
  },
  {
    missing: 'CAP_NET_ADMIN',
    take: 'true',
    under: ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin'],
    says: /CAP_NET_ADMIN.*\n {2}try: .*--cap-add NET_ADMIN/,
  },
  {
    missing: "a folder for the plugin's socket that can be written",
    ...readOnly('/run/docker/plugins'),
    says: /socket \/run\/docker\/plugins\/corduroy.sock cannot be made .*read-only.*: see that its directory/,
  },
  {
    missing: 'a folder for records that can be written',
    ...readOnly('/var/lib/corduroy'),
    says: /the datastore in \/var\/lib\/corduroy\/datastore cannot be opened: .*read-only.*; see that the directory/,
  },
  {
    missing: "etcd's authority",
    take: 'rm -f /run/lab/ca.pem',
    flags: TLS,
    says: /etcd.caFile.*\/run\/lab\/ca.pem/,
  },
  {
    missing: "etcd's authority, in a file that holds none",
    take: 'echo nonsense >/run/lab/ca.pem',
    flags: TLS,
    says: /etcd.caFile.*\/run\/lab\/ca.pem/,
  },
];

describeInLab('a piece that the daemon needs and the host lacks', () => {
  let lab: CorduroyLab;
  beforeAll(async () => {
    lab = new CorduroyLab(await Lab.up({ engines: false }));
    const ownPrograms =
      'mkdir -p /run/lab/usr/upper /run/lab/usr/work; mount -t overlay overlay -o lowerdir=/usr,upperdir=/run/lab/usr/upper,workdir=/run/lab/usr/work /usr';
    await lab.host.run('sh', '-ec', ownPrograms);
  }, E2E_TIMEOUT_MS);
  afterAll(() => lab?.lab.down(), E2E_TIMEOUT_MS);

  test.each(PIECES)('$missing: the daemon does not start, says so, and what to do', async (piece) => {
    const { host } = lab;
    await host.run('sh', '-ec', piece.take);
    const daemon = [process.execPath, PROGRAM, 'daemon', ...(piece.flags ?? [])];
    const { stderr, stdout, exitCode } = await host.try(['timeout', '20', ...(piece.under ?? []), ...daemon]);
    await host.run('sh', '-ec', piece.giveBack ?? 'true');
    const words = `${stdout}\n${stderr}`.split('\n').filter((line) => !/"level":"(info|warn)"/.test(line));
    expect(words.join('\n')).toMatch(piece.says);
    expect(exitCode).toBe(1);
  });
});
