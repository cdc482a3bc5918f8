import { expect, test } from '@jest/globals';
import { beforeAcceptingTail } from '../../routing/accepting-tail.js';

const before = (...texts: readonly string[]) => beforeAcceptingTail(texts.map((text) => ({ text })));

test.each([
  ['no rule', [], 0],
  [
    'what Docker 20.10 has for a bridge',
    [
      '-j DOCKER-USER',
      '-j DOCKER-ISOLATION-STAGE-1',
      '-o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      '-o docker0 -j DOCKER',
      '-i docker0 ! -o docker0 -j ACCEPT',
      '-i docker0 -o docker0 -j DROP',
    ],
    1,
  ],
  ['what Docker 28 has', ['-j DOCKER-USER', '-j DOCKER-FORWARD'], 1],
  ['a rule that denies behind them', ['-j DOCKER-FORWARD', '-s 10.64.0.7/32 -j DROP'], 2],
  ['a chain of somebody else', ['-j ACCEPT', '-j ufw-reject-forward', '-i docker0 ! -o docker0 -j ACCEPT'], 2],
  ['a rule that denies between bridges of two names', ['-i docker0 -o br-1 -j DROP', '-j ACCEPT'], 1],
  ['what only looks like one that accepts', ['-m comment --comment "-j ACCEPT" -j DROP'], 1],
] as const)('%s', (_, rules, expected) => {
  expect(before(...rules)).toBe(expected);
});
