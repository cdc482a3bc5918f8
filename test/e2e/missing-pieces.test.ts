import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { makeCertificates } from '../etcd/certificates.js';
import { PROGRAM } from '../lab/host.js';
import { Lab } from '../lab/lab.js';
import { describeInLab } from '../lab/needs.js';
import { CorduroyLab, E2E_TIMEOUT_MS, eventually } from './corduroy-host.js';

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
const FILES = '/run/lab/tls';
const CLIENT = [...ETCD, '--etcd-ca-file', `${FILES}/ca.pem`, '--etcd-cert-file', `${FILES}/client.pem`];
/** Root that may only use what is root's: in containers that drop capabilities. */
const BOUND_BY_PERMISSIONS = ['setpriv', '--bounding-set=-dac_override,-dac_read_search', '--inh-caps=-all'];
const OF_SOMEBODY_ELSE = (file: string) => `chown 1000 ${file}; chmod 600 ${file}`;

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
    missing: "a folder for BIRD's files that can be written",
    ...readOnly('/var/lib/corduroy/bird'),
    flags: ['--route-distribution', 'bgp'],
    says: /BIRD's files cannot be written into \/var\/lib\/corduroy\/bird \(EROFS.*\); see that root can write there/,
  },
  {
    missing: 'CAP_NET_ADMIN',
    take: 'true',
    under: ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin'],
    says: /CAP_NET_ADMIN.*\n {2}try: .*--cap-add NET_ADMIN/,
  },
  {
    missing: 'kernel settings that can be written',
    take: 'mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys',
    giveBack: 'umount /proc/sys',
    says: /\/proc\/sys\/net is read-only.*\n {2}try: .*-v \/proc:\/opt\/corduroy\/proc/,
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
    missing: 'room on the disk for records',
    take: 'mount -t tmpfs -o size=4k tmpfs /var/lib/corduroy',
    giveBack: 'umount /var/lib/corduroy',
    says: /the datastore in \/var\/lib\/corduroy\/datastore cannot be opened: .*No space left.*; see that .* its disk has room/,
  },
  {
    missing: 'a folder for the admin socket that can be written',
    ...readOnly('/run/corduroy'),
    says: /socket \/run\/corduroy\/corduroy.sock cannot be made .*read-only.*: see that its directory/,
  },
  {
    missing: "the key of etcd's client certificate",
    take: 'true',
    flags: [...CLIENT, '--etcd-key-file', `${FILES}/server.key`],
    says: /etcd.keyFile \/run\/lab\/tls\/server.key is not the key of etcd.certFile.*name the two that belong together/,
  },
  {
    missing: 'the permission to read that key',
    take: OF_SOMEBODY_ELSE(`${FILES}/client.key`),
    flags: [...CLIENT, '--etcd-key-file', `${FILES}/client.key`],
    under: BOUND_BY_PERMISSIONS,
    says: /etcd.keyFile cannot be read: EACCES.*\/run\/lab\/tls\/client.key.*correct the path or its permissions/,
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

const SOCKET = '/run/lab/docker.sock';
/** A proxy that lets only the version through. */
const REFUSING_DOCKER = `require('http').createServer((request, response) => {
  const allowed = request.url.endsWith('/version');
  response.writeHead(allowed ? 200 : 403, { 'content-type': 'application/json' });
  response.end(JSON.stringify(allowed ? { Version: '28.5.2' } : { message: 'not for you' }));
}).listen('${SOCKET}', () => console.log('ready'))`;

describeInLab('a piece that the daemon needs and the host lacks', () => {
  let lab: CorduroyLab;
  beforeAll(async () => {
    lab = new CorduroyLab(await Lab.up({ engines: false }));
    const ownPrograms =
      'mkdir -p /run/lab/usr/upper /run/lab/usr/work; mount -t overlay overlay -o lowerdir=/usr,upperdir=/run/lab/usr/upper,workdir=/run/lab/usr/work /usr';
    await lab.host.run('sh', '-ec', ownPrograms);
    await lab.host.run('mkdir', FILES);
    await makeCertificates(lab.host.path(FILES), 'agent');
    await lab.host.startBeside([process.execPath, '-e', REFUSING_DOCKER]);
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

  test.each([
    { how: 'refuses what is asked', take: 'true', under: [], says: 'refuses what the daemon asks: .*403.*allow GET' },
    {
      how: 'may not be used',
      take: OF_SOMEBODY_ELSE(SOCKET),
      under: BOUND_BY_PERMISSIONS,
      says: 'may not use /run/lab/docker.sock .EACCES.*CAP_DAC_OVERRIDE',
    },
  ])('a Docker socket that $how: the daemon runs, and its log, its status and its checks say so', async (socket) => {
    const { host } = lab;
    await host.run('sh', '-ec', socket.take);
    const command = [process.execPath, PROGRAM, 'daemon', '--docker-socket', SOCKET, '--log-format', 'json'];
    const daemon = host.start('corduroy', [...socket.under, ...command]);
    const says = new RegExp(socket.says);
    const shown = await eventually(
      () => host.tryCord('status'),
      ({ stdout }) => /^Ready: +yes$/m.test(stdout) && says.test(stdout),
    );
    expect(shown.stdout).toMatch(new RegExp(`^Docker: +does not tell: .*${socket.says}`, 'm'));
    const warnings = daemon
      .log()
      .split('\n')
      .filter((line) => line.includes('"level":"warn"'));
    const { msg, fix } = JSON.parse(warnings.at(-1) ?? '{}') as { readonly msg: string; readonly fix: string };
    expect(`${msg}; ${fix}`).toMatch(says);
    await daemon.stop('SIGTERM');
  });
});
