import fc from 'fast-check';
import { hostInterfaceOf } from '../../src/model/ids.js';
import { type IpFamily, parseIpAddress } from '../../src/model/ip-address.js';
import type { Packet } from '../../src/model/packet.js';
import { addressOf, endpointId, macOf, PORTS } from './clusters.js';

const OUTSIDE = { 4: ['192.0.2.1', '192.0.2.9', '169.254.169.254'], 6: ['2001:db8::9', 'fd81::7'] } as const;

/** Packets in the world of `clusters.ts`, most of them honest. @param size number of endpoints */
export const packets = (size = 12): fc.Arbitrary<Packet> =>
  fc
    .record({
      family: fc.constantFrom<IpFamily>(4, 4, 6),
      from: fc.integer({ min: -1, max: size }),
      to: fc.integer({ min: -2, max: size }),
      spoofed: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
      wrongMac: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
      outside: fc.nat({ max: 2 }),
      conntrack: fc.oneof(
        { weight: 8, arbitrary: fc.constant('NEW' as const) },
        fc.constantFrom('ESTABLISHED' as const, 'RELATED' as const, 'INVALID' as const, 'UNTRACKED' as const),
      ),
      dnat: fc.boolean(),
      content: contents,
    })
    .map(({ family, from, to, spoofed, wrongMac, outside, conntrack, dnat, content }): Packet => {
      const far = parseIpAddress(OUTSIDE[family][outside % OUTSIDE[family].length] as string);
      return {
        family,
        inInterface: from < 0 ? 'eth0' : hostInterfaceOf(endpointId(from)),
        outInterface: to === -2 && from >= 0 ? undefined : to < 0 ? 'eth0' : hostInterfaceOf(endpointId(to)),
        source: from < 0 ? far : addressOf(spoofed ? from + 1 : from, family),
        destination: to < 0 ? far : addressOf(to, family),
        sourceMac: from < 0 ? undefined : macOf(wrongMac ? from + 1 : from),
        conntrack,
        dnat,
        ...(content.protocol === 1 && family === 6 ? { ...content, protocol: 58 } : content),
      };
    });

const contents = fc.oneof(
  fc.record({
    protocol: fc.constantFrom(6, 17, 132),
    sourcePort: fc.constantFrom(...PORTS, 40_000),
    destinationPort: fc.constantFrom(...PORTS, 4789, 2379),
    tcpSyn: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, fc.constant(false)),
  }),
  fc.record({
    protocol: fc.constant(1),
    icmpType: fc.constantFrom(0, 1, 3, 5, 8, 128, 134, 135),
    icmpCode: fc.constantFrom(0, 1),
  }),
  fc.record({ protocol: fc.constantFrom(2, 4, 47, 50, 89) }),
);
