import { InvalidRequestError } from '../src/model/errors.js';
import { type ProfileName, parseProfileName } from '../src/model/ids.js';
import type { NetworkOptions } from '../src/model/network.js';

const MTU_KEY = 'com.docker.network.driver.mtu';
const KNOWN = ['profiles', 'mtu', 'nat-outgoing', 'publish', MTU_KEY];

/** Docker's engine acts on these itself (28 and later); we have nothing to add. */
const TOLERATED = new Set(['com.docker.network.advertise_addr_nmsgs', 'com.docker.network.advertise_addr_ms']);

/** Smallest MTU that IPv4 knows (RFC 791), and the smallest that IPv6 works over (RFC 8200, section 5). */
const MIN_MTU = 68;
const MIN_MTU_IPV6 = 1_280;
const MAX_MTU = 65_535;

/**
 * What `docker network create` was given with `-o`. Nothing is ignored: what we cannot do is refused.
 *
 * @param ipv6 whether `--ipv6` was given
 * @throws InvalidRequestError naming the option, and the options that there are
 */
export function parseNetworkOptions(
  options: Readonly<Record<string, string | undefined>>,
  { ipv6 }: { readonly ipv6: boolean },
): NetworkOptions {
  for (const [name, value] of Object.entries(options)) refuseUnknown(name, value ?? '', ipv6);
  const mtu = parseMtu(options, ipv6);
  const natOutgoing = options['nat-outgoing'];
  return {
    profiles: parseProfiles(options['profiles']),
    ...(mtu === undefined ? {} : { mtu }),
    ...(natOutgoing === undefined ? {} : { natOutgoing: parseBoolean('nat-outgoing', natOutgoing) }),
    publish: parsePublish(options['publish']),
  };
}

function refuseUnknown(name: string, value: string, ipv6: boolean): void {
  if (KNOWN.includes(name) || TOLERATED.has(name)) return;
  if (name === 'bandwidth-in' || name === 'bandwidth-out') {
    throw new InvalidRequestError(`option "${name}" is not supported yet: leave -o ${name} out`);
  }
  if (name === 'com.docker.network.enable_ipv6') {
    if (parseBoolean(name, value) === ipv6) return;
    throw new InvalidRequestError(
      `option "${name}" has no effect in this version of Docker: use ${ipv6 ? 'it without' : 'the flag'} --ipv6 instead`,
    );
  }
  if (name === 'com.docker.network.enable_ipv4' && parseBoolean(name, value)) return;
  throw new InvalidRequestError(`option "${name.slice(0, 60)}" is unknown: with -o there are ${KNOWN.join(', ')}`);
}

function parseMtu(options: Readonly<Record<string, string | undefined>>, ipv6: boolean): number | undefined {
  const texts = ['mtu', MTU_KEY].flatMap((name) => (options[name] === undefined ? [] : [options[name]]));
  if (new Set(texts).size > 1) {
    throw new InvalidRequestError(`options "mtu" and "${MTU_KEY}" contradict each other: give one of them`);
  }
  const [text] = texts;
  if (text === undefined) return undefined;
  const least = ipv6 ? MIN_MTU_IPV6 : MIN_MTU;
  const mtu = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (mtu >= least && mtu <= MAX_MTU) return mtu;
  throw new InvalidRequestError(
    `option "mtu" is ${JSON.stringify(text.slice(0, 60))}: write a number of bytes from ${least} to ${MAX_MTU}${ipv6 ? ', as the network has IPv6' : ''}`,
  );
}

function parseProfiles(text: string | undefined): readonly ProfileName[] {
  if (text === undefined) return [];
  return parseNameList('profiles', text).map(parseProfileName);
}

/** Names between commas, in order, each once. @throws InvalidRequestError if one is empty */
export function parseNameList(option: string, text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('')) {
    throw new InvalidRequestError(
      `option "${option}" is ${JSON.stringify(text.slice(0, 60))}: write names with commas between them`,
    );
  }
  return [...new Set(names)];
}

function parseBoolean(option: string, text: string): boolean {
  if (/^(true|1)$/i.test(text)) return true;
  if (/^(false|0)$/i.test(text)) return false;
  throw new InvalidRequestError(`option "${option}" is ${JSON.stringify(text.slice(0, 60))}: write true or false`);
}

function parsePublish(text: string | undefined): NetworkOptions['publish'] {
  if (text === undefined || text === 'allow') return 'allow';
  if (text === 'policy') return 'policy';
  throw new InvalidRequestError(
    `option "publish" is ${JSON.stringify(text.slice(0, 60))}: write allow (a published port is open) or policy (only rules open it)`,
  );
}
