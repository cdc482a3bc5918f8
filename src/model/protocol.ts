/** IANA protocol numbers of the protocols that rules know by name. */
export const PROTOCOL_NUMBERS = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 } as const;

export type NamedProtocol = keyof typeof PROTOCOL_NUMBERS;

const NAMES = new Map<number, NamedProtocol>(
  Object.entries(PROTOCOL_NUMBERS).map(([name, number]) => [number, name as NamedProtocol]),
);

/** Names that users may type for a protocol, with those that have no match of their own. */
const SPELLINGS: Readonly<Record<string, number>> = {
  ...PROTOCOL_NUMBERS,
  icmp6: 58,
  igmp: 2,
  ipip: 4,
  gre: 47,
  esp: 50,
  ah: 51,
  udplite: 136,
};

export const protocolName = (number: number): NamedProtocol | undefined => NAMES.get(number);

/**
 * Number of a protocol written as a name or as 1 to 255; undefined if it is neither. Not 0: the kernel's filters read
 * it as "any protocol".
 */
export function protocolNumberOf(text: string): number | undefined {
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text) <= 255 ? Number(text) : undefined;
  const name = text.toLowerCase();
  return Object.hasOwn(SPELLINGS, name) ? SPELLINGS[name] : undefined;
}
