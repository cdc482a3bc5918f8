import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { netnsUnavailable, TestNamespace } from './test-namespace.js';

const unavailable = netnsUnavailable();
if (unavailable !== undefined) console.warn(`address detection on real interfaces is not tried: ${unavailable}`);
const inNamespace = unavailable === undefined ? describe : describe.skip;

const built = (path: string): string => fileURLToPath(new URL(`../../src/${path}`, import.meta.url));
/** Prints what a daemon of this host would register. */
const PROGRAM = `
const [registration, config, runner] = await Promise.all([
  import('${built('composition/node-registration.js')}'),
  import('${built('config/load-config.js')}'),
  import('${built('infrastructure/linux/execa-command-runner.js')}'),
]);
const loaded = config.loadConfig({ flags: new Map([['nodeIpDetect', process.argv[1]]]), environment: {} });
const { ip, ip6 } = await registration.describeNode(loaded.config, new runner.ExecaCommandRunner(), new Date());
console.log(JSON.stringify([ip ?? null, ip6 ?? null]));
`;

inNamespace("a node's own addresses, on real interfaces", () => {
  let host: TestNamespace;
  beforeAll(async () => {
    host = await TestNamespace.create('detect');
    const peers = [0, 1, 2, 3].map((n) => `peer${n}`);
    for (const command of [
      'link add docker0 type veth peer name peer0',
      'link add cord0123456789a type veth peer name peer1',
      'link add uplink1 type veth peer name peer2',
      'link add uplink2 type veth peer name peer3',
      'link add down9 type veth peer name peer4',
      'address add 172.17.0.1/16 dev docker0',
      'address add 10.64.0.9/32 dev cord0123456789a',
      'address add 192.0.2.10/24 dev uplink1',
      'address add 2001:db8:1::10/64 dev uplink1 nodad',
      'address add 198.51.100.10/24 dev uplink2',
      'address add 2001:db8:2::10/64 dev uplink2 nodad',
      'address add 203.0.113.10/24 dev down9',
      ...['docker0', 'cord0123456789a', 'uplink1', 'uplink2', ...peers].map((link) => `link set ${link} up`),
      'route add default via 198.51.100.1',
      'route add 10.9.0.0/16 via 192.0.2.1',
    ]) {
      await host.ip(command);
    }
  });
  afterAll(() => host.dispose());

  test.each([
    ['first-found', ['192.0.2.10', '2001:db8:1::10']],
    ['can-reach=10.9.1.1', ['192.0.2.10', null]],
    ['can-reach=8.8.8.8', ['198.51.100.10', null]],
    ['can-reach=2001:db8:2::1', [null, '2001:db8:2::10']],
    ['interface=uplink2', ['198.51.100.10', '2001:db8:2::10']],
    ['interface=uplink.*', ['192.0.2.10', '2001:db8:1::10']],
    ['interface=nothing', [null, null]],
    ['cidr=198.51.100.0/24', ['198.51.100.10', null]],
    ['cidr=2001:db8:2::/48', [null, '2001:db8:2::10']],
    ['cidr=203.0.113.0/24', [null, null]],
  ])('%s', async (detection, expected) => {
    const printed = await host.exec(process.execPath, '--input-type=module', '-e', PROGRAM, detection);
    expect(JSON.parse(printed)).toEqual(expected);
  });
});
