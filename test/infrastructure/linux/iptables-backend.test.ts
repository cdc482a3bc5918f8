import { expect, test } from '@jest/globals';
import { type BackendEvidence, chooseBackend } from '../../../src/infrastructure/linux/iptables-backend.js';

const both = new Set(['nft', 'legacy'] as const);
const NOTHING = '*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n';
const DOCKER = '*filter\n:DOCKER-USER - [0:0]\n-A FORWARD -j DOCKER-USER\nCOMMIT\n';
const RULES = '*filter\n-A INPUT -p tcp -j ACCEPT\n-A INPUT -j DROP\n-A INPUT -j DROP\nCOMMIT\n';
const OURS = '*mangle\n:cord-fwd - [0:0]\n-A FORWARD -j cord-fwd\n-A cord-fwd -j DROP\n-A cord-fwd -j RETURN\n';

const evidence = (found: Partial<BackendEvidence>): BackendEvidence => ({
  nftRules: NOTHING,
  legacyRules: undefined,
  version: 'iptables v1.8.9 (nf_tables)',
  tools: both,
  ...found,
});

test.each<[string, string, Partial<BackendEvidence>]>([
  ["Docker's chains decide", 'legacy', { nftRules: RULES, legacyRules: DOCKER }],
  ["Docker's chains decide", 'nft', { nftRules: DOCKER, legacyRules: RULES, version: 'iptables v1.8.9 (legacy)' }],
  ['with Docker in both, the number of rules', 'legacy', { nftRules: DOCKER, legacyRules: DOCKER + RULES }],
  ['without Docker, the number of rules', 'legacy', { legacyRules: RULES }],
  ['our own rules do not count', 'nft', { nftRules: DOCKER, legacyRules: OURS }],
  ['our own rules do not count', 'legacy', { nftRules: OURS, legacyRules: '-A INPUT -j DROP\n' }],
  ['without rules, what iptables points to', 'legacy', { version: 'iptables v1.8.9 (legacy)' }],
  ['without rules, what iptables points to', 'nft', {}],
  ['only the tool that is there', 'legacy', { nftRules: undefined, tools: new Set(['legacy'] as const) }],
  ['only the tool that is there', 'nft', { version: 'iptables v1.6 (legacy)', tools: new Set(['nft'] as const) }],
])('%s: %s', (_, expected, found) => {
  expect(chooseBackend(evidence(found))).toBe(expected);
});

test('without iptables the sentence tells how to install it', () => {
  expect(() => chooseBackend(evidence({ tools: new Set() }))).toThrow('apt-get install iptables');
});
