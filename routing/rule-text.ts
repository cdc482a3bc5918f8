/**
 * One form for a rule's text, whether we wrote it or iptables-save printed it: conditions in a fixed order, and each
 * written as iptables-save does. Two rules are the same if their forms are.
 *
 * A form is for comparison only; the kernel never sees it.
 */
export function normalRuleText(text: string): string {
  const groups: string[] = [];
  let negated = false;
  let group: string[] = [];
  const close = () => {
    if (group.length > 0) groups.push(normalGroup(group));
    group = [];
  };
  for (const word of splitWords(text)) {
    if (word === '!') {
      // `-m set ! --match-set`: the mark belongs to the option behind it.
      close();
      negated = true;
    } else if (/^-(-|[a-zA-Z]$)/.test(word) && !isValue(group)) {
      close();
      group = negated ? ['!', word] : [word];
      negated = false;
    } else {
      group.push(word);
    }
  }
  close();
  return groups
    .filter((part) => part !== '' && !part.startsWith('-m '))
    .sort((a, b) => (a < b ? -1 : 1))
    .join(' ');
}

/** A comment or log prefix may look like an option. */
const isValue = (group: readonly string[]): boolean =>
  group.length === 1 && (group[0] === '--comment' || group[0] === '--log-prefix');

function normalGroup(group: readonly string[]): string {
  const negation = group[0] === '!' ? '! ' : '';
  const [option = '', ...values] = negation === '' ? group : group.slice(1);
  const name = OPTION_NAMES[option] ?? option;
  return `${negation}${[name, ...values.map((value) => normalValue(name, value))].join(' ')}`;
}

function normalValue(option: string, value: string): string {
  switch (option) {
    case '-s':
    case '-d':
      return value.replace(/(?<!:.*)\/32$|\/128$/, '');
    case '--ctstate':
      return value.split(',').sort().join(',');
    case '--limit':
      return value.replace('/minute', '/min').replace('/second', '/sec');
    case '-p':
      return PROTOCOL_NAMES[value] ?? value;
    case '--mac-source':
      return value.toLowerCase();
    case '--set-xmark':
      return value.includes('/') ? value : `${value}/0xffffffff`;
    default:
      return value;
  }
}

const OPTION_NAMES: Readonly<Record<string, string>> = {
  '--set-mark': '--set-xmark',
  '--dports': '--dport',
  '--sports': '--sport',
  '--destination-ports': '--dport',
  '--source-ports': '--sport',
};

/** iptables-save writes some numbers as names of /etc/protocols. */
const PROTOCOL_NAMES: Readonly<Record<string, string>> = {
  '1': 'icmp',
  '2': 'igmp',
  '4': 'ipencap',
  '6': 'tcp',
  '17': 'udp',
  '41': 'ipv6',
  '47': 'gre',
  '50': 'esp',
  '51': 'ah',
  '58': 'ipv6-icmp',
  icmpv6: 'ipv6-icmp',
  '89': 'ospf',
  '94': 'ipip',
  '97': 'etherip',
  '103': 'pim',
  '112': 'vrrp',
  '132': 'sctp',
  '136': 'udplite',
};

/** Words, with a quoted one (backslash escapes quote and backslash) as one. */
function splitWords(text: string): readonly string[] {
  return [...text.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, plain]) =>
    quoted === undefined ? (plain ?? '') : quoted.replace(/\\(.)/g, '$1'),
  );
}
