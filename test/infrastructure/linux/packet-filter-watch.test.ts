import { expect, test } from '@jest/globals';
import { foreignGenerations } from '../../../src/infrastructure/linux/packet-filter-watch.js';

const NEW_CHAIN = ' EVENT: -4 -t mangle -N cord-to-1234567890a';
const HOOK = ' EVENT: -4 -t filter -D FORWARD -g cord-guard';
const newGeneration = (pid: number, name: string) => `NEWGEN: GENID=7 PID=${pid} NAME=${name}`;

test.each([
  ['our process', [NEW_CHAIN, newGeneration(11, 'iptables-nft-re')], false],
  ['another process, whatever it touched', [NEW_CHAIN, newGeneration(12, 'iptables-nft-re')], true],
])('a transaction is known by the pid of its writer: %s', (_, lines, foreign) => {
  const isForeign = foreignGenerations(() => [11], true);
  expect(lines.map(isForeign).at(-1)).toBe(foreign);
});

test.each([
  ['iptables-restore and our chains alone', [NEW_CHAIN, newGeneration(4711, 'iptables-nft-re')], false],
  ['ip6tables-restore and our chains alone', [NEW_CHAIN, newGeneration(4711, 'ip6tables-nft-r')], false],
  ['a chain of the kernel', [HOOK, newGeneration(4711, 'iptables-nft-re')], true],
  ['a table', [' EVENT: nft: NEW table: table x ip flags 0 use 1 handle 1', newGeneration(1, 'iptables-nft-re')], true],
  ['another program', [NEW_CHAIN, newGeneration(4711, 'iptables')], true],
])('in a PID namespace the pid says nothing, but the content does: %s', (_, lines, foreign) => {
  const isForeign = foreignGenerations(() => [11], false);
  expect(lines.map(isForeign).at(-1)).toBe(foreign);
});

test('what one transaction touched does not count for the next', () => {
  const isForeign = foreignGenerations(() => [], false);
  const told = [HOOK, newGeneration(1, 'iptables'), NEW_CHAIN, newGeneration(2, 'iptables-nft-re')].map(isForeign);
  expect(told).toEqual([false, true, false, false]);
});
