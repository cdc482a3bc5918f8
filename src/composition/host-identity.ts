import { readFileSync, readlinkSync } from 'node:fs';

/**
 * The same for every daemon of this host until it boots again, and for no other host, a copy of this one included: the
 * kernel's id of this boot, with the network namespace, because several hosts can share a kernel.
 */
export function hostIdentity(): string {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return `${boot} ${readlinkSync('/proc/self/ns/net')}`;
}
