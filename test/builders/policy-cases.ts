import { parseNetworkName, parseNodeName, parseProfileName, parseTagName } from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { aNetwork, anEndpoint, aPool, aProfile, type World } from './policy-world.js';

const pools = [aPool('10.64.0.0/16'), aPool('fd80::/48', { natOutgoing: false })];
const web = aNetwork('web', ['10.64.0.0/24', 'fd80::/64']);
const ownTag = aProfile('web', { inbound: ['allow from tag web'] });

/** Worlds whose compiled rules are golden files, by the file's name. */
export const POLICY_CASES: Readonly<Record<string, World>> = {
  'no-endpoints': {},
  'one-network': { pools, networks: [web], profiles: [ownTag], endpoints: [anEndpoint(2), anEndpoint(3)] },
  'profile-of-the-article': {
    pools,
    networks: [web],
    profiles: [aProfile('web', { inbound: ['allow from tag WEB', 'allow tcp to ports 80,443'], tags: ['web', 'WEB'] })],
    endpoints: [anEndpoint(2)],
  },
  'every-kind-of-rule': {
    networks: [web],
    profiles: [
      aProfile('web', {
        inbound: [
          'deny tcp from not ports 1:1023 to not ports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16:20',
          'allow tcp from tag web to ports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16:20',
          'allow sctp from not tag db cidr 10.0.0.0/8',
          'log udp from not cidr 192.0.2.0/24',
          'pass icmp type 8 code 0',
          'pass icmpv6 not type 128',
          'deny icmp not type 3 from 0.0.0.0/0',
          'allow 47 from fd80::/64',
          'allow not tcp from tag web to 10.64.0.2',
          'allow from not cidr 0.0.0.0/0',
          'deny from set office',
        ],
        outbound: ['deny to not tag web', 'allow udp to ports 53 cidr ::/0'],
      }),
    ],
    endpoints: [anEndpoint(2)],
  },
  // 10.64.0.2 is selected, .3 is not, .4 may be: Docker has not told its container's labels
  selectors: {
    networks: [web],
    profiles: [
      aProfile('web', {
        inbound: [
          `pass icmp from selector 'role == "db"'`,
          `deny tcp from selector 'role == "db"' to ports 22`,
          `allow tcp from not selector 'role == "db"' to ports 443`,
          `log from selector 'role == "db"'`,
          `allow from selector 'role == "db"' to not selector 'role == "db"'`,
        ],
        outbound: [`deny from not selector 'role == "db"' to 192.0.2.0/24`, 'allow'],
      }),
    ],
    endpoints: [
      anEndpoint(2, { labels: { role: 'db' }, container: { id: 'c', name: 'c' } }),
      anEndpoint(3, { labels: { role: 'web' } }),
      anEndpoint(4),
    ],
  },
  'several-profiles': {
    networks: [web],
    profiles: [ownTag, aProfile('ssh', { inbound: ['allow tcp to ports 22'], outbound: [] })],
    endpoints: [
      anEndpoint(2, { profiles: ['web', 'ssh'].map(parseProfileName) }),
      anEndpoint(3, { profiles: ['ssh', 'gone', 'web'].map(parseProfileName), tags: [parseTagName('web')] }),
      anEndpoint(4, { profiles: [] }),
      anEndpoint(5, { node: parseNodeName('there') }),
      anEndpoint(6, { network: 'db' }),
    ],
  },
  'internal-network': {
    pools,
    networks: [{ ...web, internal: true }],
    profiles: [ownTag],
    endpoints: [anEndpoint(2, { published: [{ protocol: 'tcp', containerPort: 80, hostPort: 8080 }] })],
  },
  'published-ports': {
    pools,
    networks: [
      web,
      aNetwork('db', ['10.64.1.0/24'], { options: { profiles: [parseProfileName('web')], publish: 'policy' } }),
    ],
    profiles: [ownTag],
    endpoints: [
      anEndpoint(2, {
        published: [
          { protocol: 'tcp', containerPort: 80, hostPort: 8080 },
          { protocol: 'tcp', containerPort: 80, hostPort: 8080, hostIp: parseIpAddress('192.0.2.1') },
          { protocol: 'tcp', containerPort: 80, hostPort: 8081, hostIp: parseIpAddress('0.0.0.0') },
          { protocol: 'udp', containerPort: 53, hostPort: 53, hostIp: parseIpAddress('fd00::1') },
          { protocol: 'tcp', containerPort: 22, hostPort: 2222, hostIp: parseIpAddress('127.0.0.1') },
        ],
      }),
      anEndpoint(3, { network: 'db', published: [{ protocol: 'sctp', containerPort: 9, hostPort: 32_768 }] }),
    ],
  },
  'audited-profile': {
    networks: [web],
    profiles: [aProfile('web', { inbound: ['deny tcp to ports 22', 'allow from tag web'], mode: 'audit' })],
    endpoints: [anEndpoint(2)],
  },
  'twenty-endpoints': {
    networks: [web],
    profiles: [ownTag],
    endpoints: Array.from({ length: 20 }, (_, n) => anEndpoint(n + 2)),
  },
  'open-to-host-and-metadata': { settings: { endpointToHost: 'accept', metadata: 'allow', infrastructurePorts: [] } },
  'closed-to-host': { settings: { endpointToHost: 'drop', acceptMark: 0x2000000 } },
  'docker-ipam-and-long-names': {
    networks: [
      aNetwork('web', ['172.30.0.0/16'], {
        ipam: 'docker',
        name: parseNetworkName('web'),
        options: { profiles: [parseProfileName('p'.repeat(40))], publish: 'allow' },
      }),
    ],
    profiles: [aProfile('p'.repeat(40), { inbound: [`allow from tag ${'t'.repeat(60)}`], tags: ['t'.repeat(60)] })],
    endpoints: [anEndpoint(2, { addresses: [parseIpAddress('172.30.0.2')] })],
  },
};
