import { createHash } from 'node:crypto';
import { setsText, stateText } from '../../policy/restore-text.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { hostInterfaceOf, parseEndpointId } from '../../src/model/ids.js';
import { type IpAddress, parseIpAddress } from '../../src/model/ip-address.js';
import { macOfEndpoint } from '../../src/model/mac-address.js';
import { aNetwork, anEndpoint, aPool, aProfile, engineOf } from '../../test/builders/policy-world.js';

/** One way to hold the same policy: which program loads it, and the texts it takes, in order. */
export interface Layout {
  readonly name: string;
  load(endpoints: readonly Endpoint[]): readonly { readonly command: readonly string[]; readonly text: string }[];
}

/** Endpoints of one network, as Docker would name them, that may reach one another. */
export const endpointsOfOneHost = (count: number): readonly Endpoint[] =>
  Array.from({ length: count }, (_, index) => {
    const id = parseEndpointId(createHash('sha256').update(`endpoint ${index}`).digest('hex'));
    const address = parseIpAddress(`10.64.${index >> 8}.${index & 255}`);
    return anEndpoint(index % 250, { id, mac: macOfEndpoint(id), addresses: [address] });
  });

const ours = (name: string, program: string): Layout => ({
  name,
  load: (endpoints) => {
    const state = engineOf({
      pools: [aPool('10.64.0.0/12')],
      networks: [aNetwork('web', ['10.64.0.0/16'])],
      profiles: [aProfile('web', { inbound: ['allow from tag web'], outbound: ['allow'] })],
      endpoints,
    }).state(4);
    return [
      { command: ['ipset', 'restore'], text: setsText(state.sets.values()) },
      { command: [program], text: stateText(state) },
    ];
  },
});

/**
 * The fastest layout known for this: no chain of an endpoint's own, but a set of addresses by interface, and one map
 * from interface to the profile's chain. It has the verdict alone, none of our built-in protections and no second line.
 */
const verdictMap: Layout = {
  name: 'verdict map, nft',
  load: (endpoints) => {
    const on = endpoints.map(({ id, addresses }) => ({ name: hostInterfaceOf(id), address: onlyOf(addresses) }));
    const list = (elements: readonly string[]) => elements.join(', ');
    const text = `
      table ip flat {
        set own { type ifname . ipv4_addr; elements = { ${list(on.map(({ name, address }) => `"${name}" . ${address}`))} } }
        set web { type ipv4_addr; elements = { ${list(on.map(({ address }) => address))} } }
        chain out-web { return; }
        chain in-web { ip saddr @web accept; drop; }
        map from { type ifname : verdict; elements = { ${list(on.map(({ name }) => `"${name}" : jump out-web`))} } }
        map to { type ifname : verdict; elements = { ${list(on.map(({ name }) => `"${name}" : goto in-web`))} } }
        chain spoof { iifname . ip saddr @own return; drop; }
        chain pre { type filter hook prerouting priority raw; iifname "cord*" jump spoof; }
        chain policed {
          ct state established accept
          ct state invalid drop
          iifname vmap @from
          oifname vmap @to
          drop
        }
        chain forward { type filter hook forward priority filter - 10; iifname "cord*" goto policed; oifname "cord*" goto policed; }
      }`;
    return [{ command: ['nft', '-f', '-'], text }];
  },
};

/** A chain for each endpoint, found by what `dispatch` says; no protections, no second line. */
const iptablesLayout = (
  name: string,
  dispatch: (names: readonly string[], side: Side) => readonly string[],
): Layout => ({
  name,
  load: (endpoints) => {
    const on = endpoints.map(({ id, addresses }) => ({
      name: hostInterfaceOf(id) as string,
      address: onlyOf(addresses),
    }));
    const names = on.map(({ name: interfaceName }) => interfaceName).sort();
    const own = on.flatMap(({ name: interfaceName, address }) => [
      `-A f-${interfaceName} -m conntrack --ctstate ESTABLISHED -j ACCEPT`,
      `-A f-${interfaceName} -m conntrack --ctstate INVALID -j DROP`,
      `-A f-${interfaceName} ! -s ${address} -j DROP`,
      `-A t-${interfaceName} -m conntrack --ctstate ESTABLISHED -j ACCEPT`,
      `-A t-${interfaceName} -m set --match-set web src -j ACCEPT`,
      `-A t-${interfaceName} -j DROP`,
    ]);
    const rules = [
      ':from -',
      ':to -',
      ...names.flatMap((interfaceName) => [`:f-${interfaceName} -`, `:t-${interfaceName} -`]),
      ...dispatch(names, { root: 'from', flag: '-i', chain: 'f' }),
      ...dispatch(names, { root: 'to', flag: '-o', chain: 't' }),
      ...own,
      '-A FORWARD -i cord+ -j from',
      '-A FORWARD -o cord+ -j to',
    ];
    const set = ['create web hash:ip', ...on.map(({ address }) => `add web ${address}`)];
    return [
      { command: ['ipset', 'restore'], text: `${set.join('\n')}\n` },
      { command: ['iptables-nft-restore'], text: `*filter\n${rules.join('\n')}\nCOMMIT\n` },
    ];
  },
});

interface Side {
  readonly root: string;
  readonly flag: '-i' | '-o';
  readonly chain: 'f' | 't';
}

const linear = iptablesLayout('linear, iptables', (names, { root, flag, chain }) => [
  ...names.map((name) => `-A ${root} ${flag} ${name} -g ${chain}-${name}`),
  `-A ${root} -j DROP`,
]);

/** One level of chains, by the first digit of the name. */
const prefixTree = iptablesLayout('prefix tree of one level, iptables', (names, { root, flag, chain }) => {
  const digits = [...new Set(names.map((name) => name.charAt('cord'.length)))];
  return [
    ...digits.map((digit) => `:${root}-${digit} -`),
    ...digits.map((digit) => `-A ${root} ${flag} cord${digit}+ -g ${root}-${digit}`),
    `-A ${root} -j DROP`,
    ...names.map((name) => `-A ${root}-${name.charAt('cord'.length)} ${flag} ${name} -g ${chain}-${name}`),
    ...digits.map((digit) => `-A ${root}-${digit} -j DROP`),
  ];
});

function onlyOf(addresses: readonly IpAddress[]): IpAddress {
  const [address] = addresses;
  if (address === undefined) throw new Error('an endpoint has no address');
  return address;
}

/** Ours first. */
export const LAYOUTS: readonly Layout[] = [
  ours('corduroy, iptables-nft', 'iptables-nft-restore'),
  ours('corduroy, iptables-legacy', 'iptables-legacy-restore'),
  verdictMap,
  prefixTree,
  linear,
];
