import { describe, expect, test } from '@jest/globals';
import { readConfigText } from '../../src/config/config-file.js';
import { printConfig } from '../../src/config/config-text.js';
import { CONFIG_KEYS, CONFIG_NAMES, type ConfigName } from '../../src/config/keys.js';
import { type ConfigInput, resolveConfig } from '../../src/config/resolve-config.js';

type Settings = Partial<Record<ConfigName, string>>;

const given = (input: {
  flags?: Settings;
  environment?: Record<string, string>;
  yaml?: string;
  hostName?: string;
}): ConfigInput => ({
  flags: new Map(Object.entries(input.flags ?? {}) as [ConfigName, string][]),
  environment: input.environment ?? {},
  file: input.yaml === undefined ? undefined : { path: '/c.yaml', settings: readConfigText('/c.yaml', input.yaml) },
  hostName: input.hostName ?? 'alpha',
});

const resolve = (input: Parameters<typeof given>[0]) => resolveConfig(given(input));

test('with nothing given there is a complete configuration, named for the host', () => {
  const { config, sources } = resolve({});
  expect(config).toMatchObject({
    datastore: 'embedded',
    nodeName: 'alpha',
    defaultPoolIpv4: '10.64.0.0/12',
    mtu: undefined,
    metricsListen: undefined,
    autoPools: true,
    etcd: { endpoints: ['http://127.0.0.1:2379'], caFile: undefined },
    endpointToHost: 'dns',
    deadlineMs: 2000,
  });
  expect(new Set(Object.values(sources))).toEqual(new Set(['default']));
});

test.each([
  [{}, 'none'],
  [{ datastore: 'etcd' }, 'bgp'],
  [{ datastore: 'etcd', routeDistribution: 'none' }, 'none'],
  [{ routeDistribution: 'bgp' }, 'bgp'],
] as const)('hosts that share a datastore exchange routes unless told otherwise: %j', (flags, routeDistribution) => {
  expect(resolve({ flags }).config.routeDistribution).toBe(routeDistribution);
});

test('every default is a value that its own type accepts', () => {
  for (const name of CONFIG_NAMES) {
    const { type, default: fallback } = CONFIG_KEYS[name];
    if (fallback !== undefined) expect(() => type.parse(fallback)).not.toThrow();
  }
});

test('flags win over the environment, that over the file, that over defaults', () => {
  const yaml = 'logLevel: error\nmtu: 1400\ncooldownSeconds: 5\n';
  const { config, sources } = resolve({
    flags: { logLevel: 'debug' },
    environment: { CORDUROY_LOG_LEVEL: 'warn', CORDUROY_MTU: '1300' },
    yaml,
  });
  expect(config).toMatchObject({ logLevel: 'debug', mtu: 1300, cooldownSeconds: 5, logFormat: 'auto' });
  expect(sources).toMatchObject({
    logLevel: 'flag --log-level',
    mtu: 'environment CORDUROY_MTU',
    cooldownSeconds: 'file /c.yaml',
    logFormat: 'default',
  });
});

test('nested and dotted names in the file mean the same, and a sequence is a comma list', () => {
  const nested = resolve({ yaml: 'etcd:\n  endpoints: [https://a:2379, https://b:2379]\n  caFile: /ca.pem\n' });
  const dotted = resolve({ yaml: 'etcd.endpoints: https://a:2379,https://b:2379\netcd.caFile: /ca.pem\n' });
  expect(nested.config).toEqual(dotted.config);
  expect(nested.config.etcd.endpoints).toEqual(['https://a:2379', 'https://b:2379']);
});

test('what --print-config prints, read as a file, gives the same configuration', () => {
  const first = resolve({
    flags: { metricsListen: '[::1]:9465', 'etcd.endpoints': 'https://a:1,https://b:2', nodeIpDetect: 'interface=en.*' },
    environment: { CORDUROY_AUTO_POOLS: 'no', CORDUROY_DEFAULT_POOL_IPV6: 'none' },
  });
  const printed = printConfig(first);
  expect(resolve({ yaml: printed, hostName: 'beta' }).config).toEqual(first.config);
  expect(printed).toContain('autoPools: false  # environment CORDUROY_AUTO_POOLS');
});

describe('what cannot be used is refused with key, origin and remedy', () => {
  test.each<[string, Parameters<typeof given>[0], string]>([
    [
      'a value out of range',
      { flags: { mtu: '70000' } },
      'cannot use "70000" for mtu (flag --mtu): it is not such a number; write a whole number from 1280 to 65535 (bytes)',
    ],
    [
      'a choice that does not exist',
      { environment: { CORDUROY_LOG_LEVEL: 'loud' } },
      'cannot use "loud" for logLevel (environment CORDUROY_LOG_LEVEL): there is no such choice; write one of error, warn, info, debug',
    ],
    [
      'a feature that is not there yet',
      { yaml: 'dataplane: nftables' },
      'cannot use "nftables" for dataplane (file /c.yaml): this version programs the kernel through iptables and ipset only, which also works on nftables hosts; write auto or iptables',
    ],
    [
      'a mistyped key in the file',
      { yaml: 'etcd:\n  endpoint: http://a:1' },
      'there is no key etcd.endpoint (from file /c.yaml); did you mean etcd.endpoints?',
    ],
    [
      'a mistyped variable, whose value is not repeated',
      { environment: { CORDUROY_ETCD_PASSWORDFIL: 'hunter2' } },
      'there is no environment variable CORDUROY_ETCD_PASSWORDFIL (from the environment); did you mean CORDUROY_ETCD_PASSWORD_FILE?',
    ],
    [
      'a key without a value',
      { yaml: 'mtu:' },
      'mtu in /c.yaml has no plain value; write one after the colon, or take the line out',
    ],
    [
      'a certificate without its key',
      { flags: { 'etcd.certFile': '/c.pem' } },
      'etcd.certFile is given without etcd.keyFile; give both or neither',
    ],
    [
      'one path for two sockets',
      { flags: { adminSocket: '/x', pluginSocket: '/x' } },
      'pluginSocket and adminSocket are both /x; give each a path of its own',
    ],
    [
      'a network of the wrong family',
      { flags: { defaultPoolIpv6: '10.0.0.0/8' } },
      'cannot use "10.0.0.0/8" for defaultPoolIpv6 (flag --default-pool-ipv6): it is of the other family; write an IPv6 CIDR',
    ],
    [
      'a file that is a list',
      { yaml: '- a\n- b\n' },
      '/c.yaml holds no settings: write lines of the form "logLevel: debug"',
    ],
    [
      'a relative path',
      { flags: { dataDir: 'data' } },
      'cannot use "data" for dataDir (flag --data-dir): it is not an absolute path; begin it with /',
    ],
    [
      'a way of detection that does not exist',
      { flags: { nodeIpDetect: 'interface=(' } },
      'cannot use "interface=(" for nodeIpDetect (flag --node-ip-detect): it holds no regular expression; write it as interface=eth.* or interface=ens\\d+',
    ],
  ])('%s', (_, input, message) => {
    expect(() => resolve(input)).toThrow(new Error(message));
  });

  test('a password in an etcd URL, which the message does not repeat', () => {
    expect(() => resolve({ flags: { 'etcd.endpoints': 'http://root:hunter2@a:1' } })).toThrow(/etcd.passwordFile/);
    expect(() => resolve({ flags: { 'etcd.endpoints': 'http://root:hunter2@a:1' } })).not.toThrow(/hunter2/);
  });

  test('text that is not YAML, with its line', () => {
    expect(() => resolve({ yaml: 'mtu: 1400\nlogLevel: "x\n' })).toThrow(/^\/c\.yaml is not YAML: line \d: /);
  });
});
