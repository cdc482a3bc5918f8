import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { runCommandLine } from '../../src/cli/run.js';
import { adminApp } from '../../src/server/admin/admin-app.js';
import { listenOnUnixSocket, type UnixSocketServer } from '../../src/server/unix-socket.js';
import { type AdminHarness, addNode, anAdminHarness } from '../builders/admin.js';

let folder: string;
let socket: string;
let harness: AdminHarness;
let server: UnixSocketServer;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cord-cli-'));
  socket = join(folder, 'admin.sock');
});
beforeEach(async () => {
  harness = await anAdminHarness();
  server = await listenOnUnixSocket(socket, adminApp(harness.context));
});
afterEach(async () => {
  await server.close(0);
  await harness.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs one line, split at spaces; words in double quotes are one. */
async function cord(line: string, input = '') {
  const words = (line.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/^"|"$/g, ''));
  let out = '';
  let err = '';
  const code = await runCommandLine(words, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    readInput: async () => input,
    colour: false,
    environment: { CORDUROY_ADMIN_SOCKET: socket },
  });
  return { code, out, err };
}

const printed = async (line: string): Promise<string> => {
  const { code, out, err } = await cord(line);
  expect({ line, code, err }).toEqual({ line, code: 0, err: '' });
  return out;
};

describe('tables', () => {
  test('pool list', async () => {
    expect(await printed('pool list')).toBe(
      'CIDR          NAME  BLOCK  NETWORK  NAT-OUTGOING  DISABLED\n10.64.0.0/12  main  /26    /24      yes           no\n',
    );
  });

  test('pools that are for some nodes', async () => {
    await printed(`pool add 10.80.0.0/16 --node-selector "rack=='1'"`);
    expect(await printed('pool show 10.80.0.0/16')).toContain('NODE-SELECTOR:  rack == "1"\n');
    await printed('pool set 10.80.0.0/16 --node-selector all()');
    expect(await printed('pool show 10.80.0.0/16')).toMatch(/NODE-SELECTOR: +-\n/);
    expect(await cord('pool set 10.80.0.0/16 --node-selector rack')).toMatchObject({
      code: 1,
      err: expect.stringContaining(
        `error: nodeSelector: in the selector "rack", at column 5: found its end, expected "==", "!=", "in", "not in", "contains", "starts with" or "ends with"\n  try: write LABEL == 'V',`,
      ),
    });
  });

  test('network list', async () => {
    expect(await printed('network list')).toBe(
      'NAME  SUBNETS       PROFILES  NODES  ENDPOINTS  DOCKER-ID\nweb   10.64.0.0/24  web       alpha  2          nnnnnnnnnnnn\n',
    );
  });

  test('endpoint list, wide', async () => {
    expect(await printed('endpoint list -o wide --network web')).toBe(
      [
        'ENDPOINT      CONTAINER  NETWORK  ADDRESSES  PROFILES  NODE   ATTACHED  INTERFACE        MAC                PUBLISHED',
        'bbbbbbbbbbbb  back       web      10.64.0.3  web       alpha  no        cordbbbbbbbbbbb  02:00:00:00:00:01  *:8080->80/tcp',
        'aaaaaaaaaaaa  front      web      10.64.0.2  web       alpha  yes       cordaaaaaaaaaaa  02:00:00:00:00:01  *:8080->80/tcp',
        '',
      ].join('\n'),
    );
  });

  test('container show', async () => {
    expect(await printed('container show front')).toBe(
      [
        `Endpoint:   ${'a'.repeat(64)}`,
        'Container:  front (aaaaaaaaaaaa)',
        'Node:       alpha',
        'Network:    web',
        'Addresses:  10.64.0.2',
        'MAC:        02:00:00:00:00:01',
        'Interface:  cordaaaaaaaaaaa',
        'Attached:   yes',
        "Profiles:   web (its network's)",
        'Tags:       web',
        'Labels:     tier=front',
        'Published:  *:8080->80/tcp',
        'Created:    2026-01-01T00:00:00.000Z',
        '',
      ].join('\n'),
    );
  });

  test('ipam configure, and what is configured', async () => {
    expect(await printed('ipam configure --strict-affinity --max-blocks-per-host 4')).toBe(
      'strict affinity is on, at most 4 blocks of a subnet for each node\n',
    );
    expect(await printed('ipam configure --strict-affinity false --max-blocks-per-host none')).toContain(
      'is off, no limit',
    );
    expect(await printed('ipam show --configuration')).toMatch(/Strict affinity: +false\nMax blocks per host: +none\n/);
  });

  test('ipam show, of an address and of all', async () => {
    expect(await printed('ipam show 10.64.0.2')).toMatch(
      /^Address: {4}10.64.0.2\nState: {6}bound\n[\s\S]*Container: {2}front\n/,
    );
    expect(await printed('ipam show')).toBe(
      [
        'SUBNET          USED BY    SIZE     ASSIGNED  COOLING  RESERVED  FREE',
        '10.64.0.0/12    pool main  1048576  1         0        0         1048575',
        '  10.64.0.0/12  -          1048576  1         0        0         1048575',
        '',
      ].join('\n'),
    );
  });

  test('status', async () => {
    expect(await printed('status')).toBe(
      [
        'Node:       alpha (corduroy 1.2.3, started 2026-01-01T00:00:00.000Z)',
        'Ready:      yes',
        'Datastore:  embedded, connected',
        'Kernel:     iptables-nft, in step, compared 2026-01-01T00:00:00.000Z in 12 ms',
        'BGP:        1 of 2 sessions established',
        '            10.99.0.1 active: Socket: Connection refused',
        'Docker:     answers',
        'Endpoints:  2 here (1 attached), 2 in all',
        'Networks:   1',
        'Profiles:   1',
        'Nodes:      1',
        'Repairs:    1',
        '            2026-01-01T00:00:00.000Z chain mangle/cord-fwd: differs',
        'Finding:    front: its label names profile "nope", which does not exist; add it',
        '',
      ].join('\n'),
    );
  });

  test('node list', async () => {
    expect(await printed('node list')).toBe(
      'NAME              IPV4  IPV6  AS  STATE  ENDPOINTS  VERSION\nalpha (this one)  -     -     -   alive  2          1.2.3\n',
    );
  });
});

describe('networks', () => {
  test('are created as Docker is told, with each choice in its subnet', async () => {
    const line =
      'network create db --subnet 10.65.0.0/24 --subnet fd00:1::/64 --gateway 10.65.0.1 --ip-range 10.65.0.128/25' +
      ' --aux-address nas=10.65.0.9 --internal --attachable --ipv6 -o mtu=1340 -o profiles=a,b --ipam-opt pool=main --label team=blue --label on';
    expect(await printed(line)).toBe('created network db (10.65.0.0/24, fd00:1::/64)\n');
    expect(harness.dockerNetworks.plans).toEqual([
      {
        name: 'db',
        subnets: [
          { cidr: '10.65.0.0/24', gateway: '10.65.0.1', range: '10.65.0.128/25', auxiliary: { nas: '10.65.0.9' } },
          { cidr: 'fd00:1::/64', auxiliary: {} },
        ],
        ipv4: true,
        ipv6: true,
        internal: true,
        attachable: true,
        options: { mtu: '1340', profiles: 'a,b' },
        ipamOptions: { pool: 'main' },
        labels: { team: 'blue', on: '' },
      },
    ]);
    expect(await printed('network remove db')).toBe('removed network db\n');
    expect(await printed('network list -o json')).not.toContain('"db"');
  });

  test('of Swarm are refused with the reason where they cannot be made', async () => {
    const refusal = async () => (await cord('network create --swarm shop')).err;
    expect(await refusal()).toContain('the other nodes are prepared by networkSync, which is off here');
    Object.assign(harness.context, { networkSync: true, settleMs: 10 });
    expect(await refusal()).toContain('Swarm takes managed plugins only, and this daemon is none');
    harness.swarm.plugin = 'corduroy:latest';
    expect(await refusal()).toContain("this host's Docker is in no swarm");
    harness.swarm.is = 'worker';
    expect(await refusal()).toContain('this host is a worker of its swarm');
    harness.swarm.is = 'manager';
    expect(await refusal()).toContain('this host is not prepared for it');
    expect(harness.swarm.plans).toEqual([]);
  });

  test('of which Docker does not tell the name are not in force', async () => {
    harness.dockerNetworks.keepsNames = true;
    Object.assign(harness.context, { settleMs: 10 });
    const { code, err } = await cord('network create -o json db');
    expect({ code, err }).toEqual({ code: 1, err: '' });
    expect(await cord('network create db2')).toMatchObject({
      code: 1,
      err: expect.stringContaining('warning: Docker has made it, but has not told its name'),
    });
  });

  test.each<[string, number, string]>([
    ['network create web', 1, 'error: network with name web already exists\n  try: free what holds it first'],
    ['network remove web', 1, 'error: network web has active endpoints\n'],
    ['network remove nope', 1, 'error: no network "nope": there are web\n  try: see "corduroy network list"\n'],
    ['network create a/b', 1, 'error: name: "a/b" is not a network name: use 1 to 128 letters'],
    [
      'network create db --gateway 10.1.0.1',
      1,
      'error: --gateway 10.1.0.1 is in no subnet of the network: no subnet is given\n  try: give --subnet for it\n',
    ],
    [
      'network create db --subnet 10.1.0.0/24 --ip-range 10.1.0.0/25 --ip-range 10.1.0.128/25',
      1,
      'error: subnet 10.1.0.0/24 has --ip-range 10.1.0.0/25 and 10.1.0.128/25\n  try: give one for each subnet\n',
    ],
    ['network create db --label =x', 2, 'Write KEY=VALUE.'],
  ])('%s', async (line, code, message) => {
    const result = await cord(line);
    expect({ code: result.code, err: result.err }).toEqual({ code, err: expect.stringContaining(message) });
    expect(harness.dockerNetworks.plans).toEqual([]);
  });
});

describe('nodes', () => {
  test('have labels, and an AS number', async () => {
    expect(await printed('node set alpha --label rack=1 --label disk=ssd --as-number 65000')).toBe(
      'changed node alpha\n',
    );
    await printed('node set alpha --unset-label disk');
    expect(await printed('node set alpha --label rack=1')).toBe('node alpha is so already\n');
    expect(JSON.parse(await printed('node show alpha -o json'))).toMatchObject({
      labels: { rack: '1' },
      asNumber: 65_000,
    });
    expect(await printed('node show alpha')).toMatch(/LABELS: +rack=1\n/);
  });

  test('become route reflectors, and leave off', async () => {
    const show = async () => JSON.parse(await printed('node show alpha -o json'));
    await printed('node set alpha --route-reflector-cluster-id 244.0.0.1 --as-number 1.10');
    expect(await show()).toMatchObject({ routeReflectorClusterId: '244.0.0.1', asNumber: 65_546 });
    expect(await printed('node list -o wide')).toContain('244.0.0.1');
    await printed('node set alpha --route-reflector-cluster-id none --as-number default');
    expect(await show()).toMatchObject({ routeReflectorClusterId: null, asNumber: null });
  });

  test('that are gone for good are removed with all that they had', async () => {
    await addNode(harness, 'beta');
    expect(await cord('node remove beta')).toMatchObject({
      code: 1,
      err: 'error: cannot remove node beta: it has 1 endpoints\n  try: remove their containers there, or use --remove-endpoints if the host is gone\n',
    });
    expect(await printed('node remove beta --remove-endpoints')).toBe(
      'removed node beta: 1 endpoints, 1 networks, 0 addresses\n',
    );
    expect(await printed('network list -o json')).not.toContain('beta');
    expect(await printed('endpoint list -o json')).not.toContain('beta');
    expect(await cord('node remove beta')).toMatchObject({
      code: 1,
      err: 'error: no node "beta": there are alpha\n  try: see "corduroy node list"\n',
    });
  });

  test.each<[string, number, string]>([
    [
      'node remove alpha',
      1,
      'error: cannot remove node alpha: it is this host, and its daemon is running\n  try: stop',
    ],
    [
      'node set alpha',
      2,
      'error: it is not clear what to change\n  try: give --label, --unset-label, --as-number or --route-reflector-cluster-id\n',
    ],
    ['node set gamma --label a=b', 1, 'error: no node "gamma": there are alpha\n'],
    ['node set alpha --label a$=b', 1, 'error: "a$" is no name of a label\n'],
    ['node set alpha --as-number 0', 2, '"0" is not an AS number: write 1 to 4294967295, or HIGH.LOW'],
    [
      'node set alpha --route-reflector-cluster-id 1',
      1,
      'error: routeReflectorClusterId: "1" is not a route reflector',
    ],
  ])('%s', async (line, code, message) => {
    const result = await cord(line);
    expect({ code: result.code, err: result.err }).toEqual({ code, err: expect.stringContaining(message) });
  });

  test("an AS number that this host's daemon is told is not changed by command", async () => {
    Object.assign(harness.context, { settings: [{ name: 'asNumber', value: '64600', source: 'file' }] });
    expect(await cord('node set alpha --as-number 65000')).toMatchObject({
      code: 1,
      err: expect.stringContaining("the AS number of node alpha comes from its daemon's settings (file)"),
    });
  });
});

describe('bgp', () => {
  const password = () => {
    const file = join(folder, 'password');
    writeFileSync(file, 'open sesame\n');
    return file;
  };

  test('status', async () => {
    expect(await printed('bgp status')).toBe(
      [
        'PEER       ADDRESS     AS     TYPE    STATE        SINCE                     IMPORTED  EXPORTED  ERROR',
        'beta       10.99.0.12  64512  mesh    established  2026-01-01T00:00:00.000Z  2         1         -',
        '10.99.0.1  10.99.0.1   64600  global  active       2026-01-01T00:00:00.000Z  0         0         Socket: Connection refused',
        '',
      ].join('\n'),
    );
    harness.bgpStatus = { sessions: [], problems: [] };
    expect(await printed('bgp status')).toBe('there is nobody to speak to: no other node, and no peer\n');
    harness.bgpStatus = { sessions: [], problems: ['BIRD has not been started yet'] };
    expect(await cord('bgp status')).toEqual({ code: 0, out: '', err: 'warning: BIRD has not been started yet\n' });
    expect(await printed('status')).toContain('BGP:        BIRD has not been started yet\n');
    Object.assign(harness.context, { bgp: undefined });
    expect(await cord('bgp status')).toMatchObject({ code: 0, out: '', err: expect.stringContaining('is not bgp') });
    expect(await printed('status')).not.toContain('BGP');
  });

  test('the mesh and the default AS number are printed without a value, and changed with one', async () => {
    expect(await printed('bgp mesh')).toBe('on\n');
    expect(await printed('bgp mesh off')).toBe('the mesh is off, the default AS number is 64512\n');
    expect(await printed('bgp default-as 1.10')).toBe('the mesh is off, the default AS number is 65546\n');
    expect(await printed('bgp default-node-as')).toBe('65546\n');
    expect(await printed('bgp node-mesh -o json')).toBe('{\n  "mesh": false\n}\n');
  });

  test('peers of every node and of one are added, listed without their passwords, and removed', async () => {
    expect(await printed(`bgp peer add 10.99.0.1 as 64600 --password-file ${password()} --bfd`)).toBe(
      'every node speaks to 10.99.0.1, AS 64600\n',
    );
    expect(await printed('bgp peer add fd99::1 as 1.10 --node alpha --passive --ttl-security 1')).toBe(
      'node alpha speaks to fd99::1, AS 65546\n',
    );
    expect(await printed('bgp peer list')).toBe(
      [
        'ADDRESS    AS     NODE   PASSWORD  PASSIVE  BFD  TTL-SECURITY',
        '10.99.0.1  64600  (all)  yes       no       yes  -',
        'fd99::1    65546  alpha  no        yes      no   1',
        '',
      ].join('\n'),
    );
    expect(await printed('bgp peer list -o json')).not.toContain('sesame');
    expect(harness.context.store.bgpPeers.get('/corduroy/v1/bgppeer/10.99.0.1')?.value.password).toBe('open sesame');
    expect(await printed('bgp peer add fd99::1 as 65546 --node alpha --passive --ttl-security 1')).toBe(
      'node alpha speaks to fd99::1 so already\n',
    );
    expect(await printed('bgp peer remove fd99::1 --node alpha')).toBe('removed peer fd99::1 of node alpha\n');
    expect(await printed('bgp peer remove 10.99.0.1')).toBe('removed peer 10.99.0.1\n');
    expect(await printed('bgp peer list -o json')).toBe('[]\n');
  });

  test.each<[string, number, string]>([
    ['bgp peer add 10.99.0.1 as 0', 2, '"0" is not an AS number'],
    ['bgp peer add 10.99.0.1 is 64600', 2, 'Allowed choices are as'],
    ['bgp peer add 10.99.0.300 as 64600', 1, 'error: address: "10.99.0.300" is not an IP address'],
    ['bgp peer add 10.99.0.1 as 64600 --node gamma', 1, 'error: no node "gamma": there are alpha\n'],
    ['bgp peer add 10.99.0.1 as 64600 --password-file /nowhere', 1, 'error: cannot read the password in /nowhere: '],
    ['bgp peer add 10.99.0.1 as 64600 --ttl-security 255', 1, 'error: ttlSecurity: '],
    [
      'bgp peer add 192.0.2.1 as 64601',
      1,
      'error: every node speaks to 192.0.2.1 already, with other settings\n  try: remove that peer first, with "corduroy bgp peer remove 192.0.2.1"\n',
    ],
    [
      'bgp peer remove 10.99.0.1',
      1,
      'error: no bgp peer "10.99.0.1": there are 192.0.2.1\n  try: see "corduroy bgp peer list"\n',
    ],
    [
      'bgp peer remove 192.0.2.1 --node alpha',
      1,
      'is not one of node alpha, but of every node\n  try: leave --node out\n',
    ],
    ['bgp mesh maybe', 2, 'Allowed choices are on, off'],
  ])('%s', async (line, code, message) => {
    await printed('bgp peer add 192.0.2.1 as 64600');
    const result = await cord(line);
    expect({ code: result.code, err: result.err }).toEqual({ code, err: expect.stringContaining(message) });
    expect(harness.context.store.bgpPeers.size).toBe(1);
  });

  test('a change that BIRD does not take is stored, and no success', async () => {
    harness.bgpStatus = { sessions: [], problems: ['BIRD refuses its configuration'] };
    expect(await cord('bgp mesh off')).toEqual({
      code: 1,
      out: 'the mesh is off, the default AS number is 64512\n',
      err: 'warning: BIRD refuses its configuration\n',
    });
  });
});

describe('profiles', () => {
  test("the seed's example", async () => {
    await printed('profile add WEB');
    await printed('profile WEB rule add inbound allow tcp to ports 80,443');
    expect(await printed('profile WEB rule show')).toBe(
      [
        'Inbound rules:',
        '   1 allow from tag WEB',
        '   2 allow tcp to ports 80,443',
        'Outbound rules:',
        '   1 allow',
        '',
      ].join('\n'),
    );
  });

  test('rules go in at a position, and go by position or by text', async () => {
    expect(await printed('profile web rule add inbound --at 1 deny tcp to ports 80')).toBe(
      'added inbound rule 1 of profile web: deny tcp to ports 80\n',
    );
    expect(await printed('profile web rule remove inbound --at 1')).toBe(
      'removed inbound rule 1 of profile web: deny tcp to ports 80\n',
    );
    expect(await printed('profile web rule remove outbound allow')).toBe(
      'removed outbound rule 1 of profile web: allow\n',
    );
  });

  test('what rule json prints, rule update takes', async () => {
    const json = await printed('profile web rule json');
    expect(JSON.parse(json)).toEqual({
      id: 'web',
      inbound_rules: [{ action: 'allow', src_tag: 'web' }],
      outbound_rules: [{ action: 'allow' }],
    });
    const edited = json.replace('"src_tag": "web"', '"!src_net": "192.0.2.0/24"');
    expect(await cord('profile web rule update', edited)).toMatchObject({ code: 0 });
    expect(await printed('profile web rule show')).toContain('   1 allow from not cidr 192.0.2.0/24\n');
  });

  test('rule update takes texts as well, and leaves a direction alone that it does not name', async () => {
    expect(await cord('profile web rule update', '{"inbound": ["deny tcp", "allow"]}')).toMatchObject({ code: 0 });
    expect(await printed('profile web rule show')).toBe(
      'Inbound rules:\n   1 deny tcp\n   2 allow\nOutbound rules:\n   1 allow\n',
    );
  });

  test.each<[string, string]>([
    [
      '{"inbound_rules": [{"action": "allow"}, {"action": "allow", "source": "x"}]}',
      'error: inbound rule 2 cannot be read: Unrecognized key: "source"\n  try: its keys are action, protocol, src_tag,',
    ],
    [
      '{"outbound_rules": [{"action": "allow", "protocol": "tcp", "dst_ports": [80, 70000]}]}',
      'error: outbound rule 1 is not a rule: in the rule "allow tcp to ports 80,70000", at column 20: found "80,70000", expected ports from 0 to 65535',
    ],
    ['{"inbound": ["allow", "permit"]}', 'error: inbound rule 2 is not a rule: in the rule "permit", at column 1'],
    [
      '{"inbound": [], "outbound_rules": []}',
      'error: the rules are in two forms at once\n  try: give either "inbound"',
    ],
  ])('rule update with %s names the rule and the key, and changes nothing', async (input, message) => {
    const before = await printed('profile web rule json');
    const { code, err } = await cord('profile web rule update', input);
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining(message) });
    expect(await printed('profile web rule json')).toBe(before);
  });

  test('tags and mode', async () => {
    await printed('profile web tag add blue');
    expect(await printed('profile web tag show')).toBe('web\nblue\n');
    await printed('profile web tag remove blue');
    expect(await printed('profile web mode audit')).toBe('profile web is now in mode audit\n');
    expect(await printed('profile web mode')).toBe('audit\n');
  });

  test('a selector keeps its quotation marks, which the shell took', async () => {
    expect(await printed(`profile web rule add inbound allow from selector "tier == 'front'"`)).toBe(
      `added inbound rule 2 of profile web: allow from selector 'tier == "front"'\n`,
    );
    const { code, err } = await cord(`profile web rule add inbound allow from selector "tier = 'front'"`);
    expect({ code, err }).toEqual({
      code: 1,
      err: `error: rule: in the rule "allow from selector "tier = 'front'"", at column 27: found "=", expected a label, a value in quotation marks, or one of == != && || ! ( ) { } ,\n  try: write LABEL == 'V', LABEL != 'V', LABEL in {'V', 'W'}, has(LABEL) or all(), joined by && and ||, with ! before what is to be negated\n`,
    });
  });

  test('a rule that nothing enforces is refused', async () => {
    const { code, err } = await cord('profile web rule add inbound allow from set office');
    expect({ code, err }).toEqual({
      code: 1,
      err: 'error: cannot use the rule "allow from set office": this version does not enforce network sets yet\n  try: name a tag, a selector or a CIDR instead\n',
    });
  });

  test('of containers are appended, removed, set and shown', async () => {
    await printed('profile add DB');
    expect(await printed('container front profile append DB')).toBe('container front bears profiles web, DB\n');
    expect(await printed('container front profile show')).toBe(
      'ENDPOINT      NETWORK  PROFILES\naaaaaaaaaaaa  web      web,DB\n',
    );
    await printed('container front profile remove web');
    await printed('container front profile set --inherit');
    await printed(`endpoint ${'a'.repeat(12)} profile set DB`);
    expect(await printed('endpoint show aaaa')).toContain('Profiles:   DB\n');
  });
});

describe('for programs', () => {
  test('json and yaml hold what the API answers', async () => {
    const rows = JSON.parse(await printed('-o json pool list'));
    expect(rows).toEqual([expect.objectContaining({ cidr: '10.64.0.0/12', natOutgoing: true })]);
    expect(await printed('pool list -o yaml')).toMatch(/^- cidr: 10\.64\.0\.0\/12\n {2}name: main\n/);
    expect(JSON.parse(await printed('check -o json'))[0]).toMatchObject({ level: 'ok', subject: 'privileges' });
  });

  test('completion offers commands, choices, options and names that the daemon knows', async () => {
    const candidates = async (line: string) => (await printed(`__complete ${line}`)).split('\n').slice(0, -1);
    expect(await candidates('pro')).toEqual(['profile']);
    expect(await candidates('profile ""')).toEqual(expect.arrayContaining(['add', 'web']));
    expect(await candidates('profile web ""')).toEqual(['mode', 'rule', 'tag']);
    expect(await candidates('profile web rule ""')).toEqual(['add', 'json', 'remove', 'show', 'update']);
    expect(await candidates('profile web rule add ""')).toEqual(['inbound', 'outbound']);
    expect(await candidates('profile web mode ""')).toEqual(['audit', 'enforce']);
    expect(await candidates('container show f')).toEqual(['front']);
    expect(await candidates('container front profile append ""')).toEqual(['web']);
    expect(await candidates('endpoint list --network ""')).toEqual(['web']);
    expect(await candidates('pool set 10.64.0.0/12 --nat')).toEqual(['--nat-outgoing']);
  });
});

describe('what fails says what, why and what next', () => {
  test.each<[string, number, string]>([
    ['profile WBE rule show', 1, 'error: no profile "WBE": there are web\n  try: see "corduroy profile list"\n'],
    [
      'profile web rule remove inbound',
      2,
      'error: it is not clear which rule to remove\n  try: give either --at N or the rule itself\n',
    ],
    [
      'container front profile set',
      2,
      'error: it is not clear which profiles to set\n  try: give profiles, or --none, or --inherit\n',
    ],
    [
      'profile web rule add inbound permit tcp',
      1,
      'error: rule: in the rule "permit tcp", at column 1: found "permit", expected "allow", "deny", "log" or "pass"\n  try: write allow|deny|log|pass [PROTOCOL] [from [ports P] [tag T] [selector \'S\'] [CIDR]] [to ...], with "not" before what is to be negated\n',
    ],
    ['pool add', 2, "error: missing required argument 'cidr'\n"],
    ['poll list', 2, "error: unknown command 'poll'\n(Did you mean pool?)\n"],
    ['profile web rule add sideways allow', 2, 'Allowed choices are inbound, outbound.\n'],
    ['pool list -o xml', 2, 'Allowed choices are table, wide, json, yaml.\n'],
    [
      'daemon --datastore mysql',
      2,
      'error: cannot use "mysql" for datastore (flag --datastore): there is no such choice\n  try: write one of embedded, etcd\n',
    ],
    [
      '--socket /nowhere/x.sock pool list',
      1,
      'error: the daemon is not running: nothing answers on /nowhere/x.sock\n  try: start it with "corduroy daemon" as root, or name its socket with --socket\n',
    ],
  ])('%s', async (line, code, message) => {
    const result = await cord(line);
    expect(result).toMatchObject({ code, out: '' });
    expect(result.err).toContain(message);
  });

  test('version tells its own, whatever the daemon says', async () => {
    expect(await printed('--version')).toMatch(/^corduroy \d\S+\n$/);
    const away = join(folder, 'away.sock');
    const silent = await listenOnUnixSocket(away, (_request, response) => {
      response.statusCode = 503;
      response.end('{"error":"it is starting","remedy":"wait"}');
    });
    expect(await printed('version')).toMatch(/^corduroy \d\S+\ndaemon \d\S+\n$/);
    expect(await printed('--socket /nowhere/x.sock version')).toMatch(/^corduroy \d\S+\ndaemon not running\n$/);
    expect(await printed(`--socket ${away} version`)).toMatch(/^corduroy \d\S+\ndaemon not known: it is starting\n$/);
    await silent.close(0);
  });

  test('a change that is stored but not in force exits 1', async () => {
    harness.settle = () => Promise.reject(new Error('iptables-restore failed'));
    const result = await cord('profile web mode audit');
    expect(result).toMatchObject({ code: 1, out: 'profile web is now in mode audit\n' });
    expect(result.err).toContain('warning: it is stored, but not in this host');
  });

  test('status exits 1 while new containers would fail', async () => {
    harness.datastore.goAway('connection refused');
    expect(await cord('status')).toMatchObject({
      code: 1,
      out: expect.stringContaining('unavailable: connection refused'),
    });
  });
});

test('names from outside cannot move the cursor', async () => {
  const { formatTable } = await import('../../src/cli/table.js');
  expect(formatTable([{ a: 'x\u001b[2Jy' }], [{ header: 'A', value: ({ a }) => a }], false)).toBe('A\nx?[2Jy\n');
});
