import type { CommandResult, CommandRunner } from '../../effects/command-runner.js';
import type { Conntrack, FlowTuple, TrackedFlow } from '../../effects/conntrack.js';
import { KernelError } from '../../model/errors.js';
import { familyOf, type IpAddress, type IpFamily } from '../../model/ip-address.js';

/** Deletions in one run: some 100 bytes each, and the kernel takes 128 KiB in one argument. */
const MAX_LINES = 500;

/** Connection tracking through conntrack(8); deletions go as one batch (`--load-file`), which takes absent entries as done. */
export class ConntrackTool implements Conntrack {
  readonly #lister: Pick<CommandRunner, 'run'>;
  readonly #runner: CommandRunner;
  readonly #families: readonly IpFamily[];

  /** @param lister runs what lists, often; `runner` what deletes: a shell would read so long a script byte by byte */
  constructor(lister: Pick<CommandRunner, 'run'>, runner: CommandRunner, families: readonly IpFamily[]) {
    this.#lister = lister;
    this.#runner = runner;
    this.#families = families;
  }

  async list(): Promise<readonly TrackedFlow[]> {
    const texts = await Promise.all(this.#families.map((family) => this.#listText(family)));
    return texts.flatMap(parseConntrackList);
  }

  /** One listing finds the connections of all: conntrack(8) would read its whole table four times for each address. */
  async forgetAddresses(addresses: readonly IpAddress[]): Promise<void> {
    const wanted = new Set<string>(addresses);
    const families = new Set(addresses.map(familyOf));
    const known = this.#families.filter((family) => families.has(family));
    const texts = await Promise.all(known.map((family) => this.#listText(family)));
    const lines = texts.flatMap((text) => text.split('\n')).filter((line) => mentions(line, wanted));
    await this.forgetFlows(parseConntrackList(lines.join('\n')));
  }

  async #listText(family: IpFamily): Promise<string> {
    const listed = await this.#lister.run('conntrack', ['-L', '-f', `ipv${family}`, '-o', 'extended']);
    return accepted(listed, 'list connections').stdout;
  }

  async forgetFlows(flows: readonly TrackedFlow[]): Promise<void> {
    await this.#batch(flows.map(deletionOf));
  }

  async #batch(lines: readonly string[]): Promise<void> {
    for (let begin = 0; begin < lines.length; begin += MAX_LINES) {
      // conntrack opens /dev/stdin anew, which fails for the socket that Node gives a child as its input.
      const script = `exec conntrack --load-file - <<END\n${lines.slice(begin, begin + MAX_LINES).join('\n')}\nEND\n`;
      accepted(await this.#runner.run('sh', ['-c', script]), 'forget connections');
    }
  }
}

function accepted(result: CommandResult, what: string): CommandResult {
  if (result.exitCode === 0) return result;
  throw new KernelError(`conntrack could not ${what}: ${result.stderr.trim()}`, result.stderr);
}

function mentions(line: string, addresses: ReadonlySet<string>): boolean {
  for (const [, address = ''] of line.matchAll(/\b(?:src|dst)=(\S+)/g)) if (addresses.has(address)) return true;
  return false;
}

const familyOption = (family: IpFamily): string => `-f ipv${family}`;

function deletionOf({ family, protocol, original, reply, icmp }: TrackedFlow): string {
  const words = [
    `-D ${familyOption(family)} -p ${PROTOCOL_NAMES[protocol] ?? protocol}`,
    `-s ${original.source} -d ${original.destination} -r ${reply.source} -q ${reply.destination}`,
  ];
  if (icmp !== undefined)
    words.push(
      `--icmp${family === 6 ? 'v6' : ''}-type ${icmp.type} --icmp${family === 6 ? 'v6' : ''}-code ${icmp.code} --icmp${family === 6 ? 'v6' : ''}-id ${icmp.id}`,
    );
  else if (PROTOCOL_NAMES[protocol] !== undefined) {
    words.push(`--sport ${original.sourcePort} --dport ${original.destinationPort}`);
  }
  return words.join(' ');
}

/** Protocols whose ports conntrack(8) can match; it wants their names. */
const PROTOCOL_NAMES: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmpv6', 132: 'sctp' };

/** The flows in the output of `conntrack -L -o extended`; lines of other shapes are left out. */
export function parseConntrackList(text: string): readonly TrackedFlow[] {
  return text.split('\n').flatMap((line) => parseFlow(line) ?? []);
}

// What is deleted is named by these, in a script.
const ADDRESS = /^[0-9a-f.:]+$/;
const NUMBER = /^\d{1,5}$/;

function parseFlow(line: string): TrackedFlow | undefined {
  const head = /^ipv([46])\s+\d+\s+\S+\s+(\d+)\s/.exec(line);
  if (head === null) return undefined;
  const value = (name: string): string[] =>
    [...line.matchAll(new RegExp(`\\b${name}=(\\S+)`, 'g'))].map((m) => m[1] ?? '');
  const [sources, destinations] = [value('src'), value('dst')];
  if (sources.length !== 2 || destinations.length !== 2) return undefined;
  if (![...sources, ...destinations].every((address) => ADDRESS.test(address))) return undefined;
  const [sourcePorts, destinationPorts] = [value('sport'), value('dport')];
  const tuple = (i: 0 | 1): FlowTuple => ({
    source: sources[i] as IpAddress,
    destination: destinations[i] as IpAddress,
    sourcePort: Number(sourcePorts[i] ?? 0),
    destinationPort: Number(destinationPorts[i] ?? 0),
  });
  if (!['sport', 'dport', 'type', 'code', 'id'].flatMap(value).every((number) => NUMBER.test(number))) return undefined;
  const [type, code, id] = [value('type')[0], value('code')[0], value('id')[0]];
  return {
    family: head[1] === '6' ? 6 : 4,
    protocol: Number(head[2]),
    original: tuple(0),
    reply: tuple(1),
    ...(type === undefined ? {} : { icmp: { type: Number(type), code: Number(code ?? 0), id: Number(id ?? 0) } }),
  };
}
