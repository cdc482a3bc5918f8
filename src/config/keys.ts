import { MAX_AS_NUMBER } from '../model/as-number.js';
import { parseNodeName } from '../model/ids.js';
import { DEFAULT_ADMIN_SOCKET } from './locations.js';
import { nodeIpDetect } from './node-ip-detect.js';
import {
  address,
  choice,
  choiceSoFar,
  flag,
  integer,
  listen,
  network,
  or,
  path,
  text,
  urls,
  type ValueType,
} from './value-type.js';

/** One setting. Its flag, its environment variable and its place in the file all follow from its name. */
export interface ConfigKey<T> {
  readonly type: ValueType<T>;
  /** As it would be written; undefined: absent unless given. */
  readonly default: string | undefined;
  /** What tables say instead of a default that is only known on the machine. */
  readonly defaultShown?: string;
  readonly description: string;
}

const key = <T>(type: ValueType<T>, defaultText: string, description: string): ConfigKey<T> => ({
  type,
  default: defaultText,
  description,
});

const optional = <T>(type: ValueType<T>, description: string, defaultShown?: string): ConfigKey<T | undefined> => ({
  type: type as ValueType<T | undefined>,
  default: undefined,
  ...(defaultShown === undefined ? {} : { defaultShown }),
  description,
});

const nodeName: ConfigKey<ReturnType<typeof parseNodeName>> = {
  type: { label: 'name', parse: parseNodeName, format: (value) => value },
  default: undefined,
  defaultShown: "the host's name",
  description: 'Name of this host in the cluster. Keep it: addresses and endpoints are recorded under it.',
};

const routeDistribution: ConfigKey<'bgp' | 'direct' | 'none'> = {
  type: choice('bgp', 'direct', 'none'),
  default: undefined,
  defaultShown: 'bgp with etcd, none with the embedded datastore',
  description:
    'How hosts learn the routes to one another: from BIRD 2, from the daemon itself where all hosts are on one network, or not by our doing.',
};

/** Every setting of the daemon, in the order in which tables show them. */
export const CONFIG_KEYS = {
  datastore: key(choice('embedded', 'etcd'), 'embedded', 'Where state lives: on this host alone, or in etcd.'),
  dataDir: key(path, '/var/lib/corduroy', 'Directory of the embedded datastore.'),
  'etcd.endpoints': key(urls, 'http://127.0.0.1:2379', 'Members of the etcd cluster.'),
  'etcd.caFile': optional(path, "PEM file with the authority that signed etcd's certificates."),
  'etcd.certFile': optional(path, 'PEM file with the client certificate (with etcd.keyFile).'),
  'etcd.keyFile': optional(path, "PEM file with the client certificate's key."),
  'etcd.username': optional(text, 'etcd user (with etcd.passwordFile), where certificates are not used.'),
  'etcd.passwordFile': optional(path, "File with that user's password; a line end at its end is left out."),
  nodeName,
  nodeIp: optional(address(4), "This host's IPv4 address towards other hosts."),
  nodeIp6: optional(address(6), "This host's IPv6 address towards other hosts."),
  nodeIpDetect: key(nodeIpDetect, 'first-found', 'How those addresses are found where they are not given.'),
  asNumber: optional(
    integer('AS number', 1, MAX_AS_NUMBER),
    "This host's AS number, kept in its node record.",
    "the cluster's, 64512",
  ),
  dataplane: key(
    choiceSoFar(['auto', 'iptables'], {
      nftables: 'this version programs the kernel through iptables and ipset only, which also works on nftables hosts',
    }),
    'auto',
    'How policy gets into the kernel.',
  ),
  iptablesBackend: key(
    choice('auto', 'nft', 'legacy'),
    'auto',
    'Which iptables is used; auto takes the one that Docker uses.',
  ),
  routeDistribution,
  defaultPoolIpv4: key(or('none', network(4)), '10.64.0.0/12', 'Pool that exists from the first start.'),
  defaultPoolIpv6: key(or('none', network(6)), 'fd80:c0de::/48', 'The same for IPv6.'),
  autoPools: key(flag, 'true', 'A network whose --subnet lies outside every pool creates a pool of that CIDR.'),
  cooldownSeconds: key(integer('seconds', 0, 86_400), '30', 'How long a released address rests before its next use.'),
  networkSync: key(
    or('auto', flag),
    'auto',
    "Make the cluster's networks on this host, and remove them where they are removed; auto: if datastore is etcd.",
  ),
  endpointToHost: key(
    choice('dns', 'accept', 'drop'),
    'dns',
    'What containers may reach on this host itself: DNS and ICMP, all, or nothing. Replies always pass.',
  ),
  metadata: key(
    choice('deny', 'allow'),
    'deny',
    'Whether containers may reach the cloud metadata address 169.254.169.254.',
  ),
  mtu: key(or('auto', integer('bytes', 1280, 65_535)), 'auto', "MTU of containers' interfaces; auto takes the host's."),
  deadlineMs: key(
    integer('milliseconds', 200, 30_000),
    '2000',
    'Longest time a call of Docker may take, whatever is down.',
  ),
  pluginSocket: key(path, '/run/docker/plugins/corduroy.sock', 'Socket that Docker calls.'),
  adminSocket: key(path, DEFAULT_ADMIN_SOCKET, 'Socket that this command line calls; root only (mode 0600).'),
  dockerSocket: key(path, '/var/run/docker.sock', "Docker's own socket."),
  metricsListen: key(
    or('off', listen),
    'off',
    'Address of /metrics, /healthz and /readyz over TCP, such as 127.0.0.1:9465.',
  ),
  logLevel: key(choice('error', 'warn', 'info', 'debug'), 'info', 'Least severe lines that are logged.'),
  logFormat: key(choice('auto', 'json', 'pretty'), 'auto', 'auto: pretty on a terminal, else JSON.'),
} as const satisfies Record<string, ConfigKey<unknown>>;

export type ConfigName = keyof typeof CONFIG_KEYS;
export const CONFIG_NAMES = Object.keys(CONFIG_KEYS) as readonly ConfigName[];

export type ValueOf<N extends ConfigName> = (typeof CONFIG_KEYS)[N] extends ConfigKey<infer T> ? T : never;

/** `etcd.caFile` -> `etcd-ca-file`. */
const words = (name: string): string =>
  name.replace(/\./g, '-').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** `--etcd-ca-file` */
export const flagOf = (name: ConfigName): string => `--${words(name)}`;
/** `CORDUROY_ETCD_CA_FILE` */
export const environmentOf = (name: ConfigName): string =>
  `${ENVIRONMENT_PREFIX}${words(name).replace(/-/g, '_').toUpperCase()}`;

/** Every variable that begins so must be a setting: a misspelt one is refused. */
export const ENVIRONMENT_PREFIX = 'CORDUROY_';
