import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { birdConfig } from '../../../routing/bgp/bird-config.js';
import { BIRD_CASES } from '../../builders/bgp-cases.js';

const FOLDER = 'test/golden/bird';

// `make golden` writes the files anew; read the difference like code
test.each(Object.entries(BIRD_CASES))('%s is configured as its golden file says', (name, input) => {
  const path = `${FOLDER}/${name}.conf`;
  const text = birdConfig(input);
  if (process.env['CORDUROY_GOLDEN'] === 'write') {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(path, text);
  }
  expect(existsSync(path) ? readFileSync(path, 'utf8') : undefined).toBe(text);
});

test('the order of records does not matter', () => {
  const input = BIRD_CASES['pools-of-every-kind'];
  if (input === undefined) throw new Error('the case is gone');
  const { pools, ownBlocks, families } = input;
  const turned = { pools: pools.toReversed(), ownBlocks: ownBlocks.toReversed(), families: families.toReversed() };
  expect(birdConfig({ ...input, ...turned })).toBe(birdConfig(input));
});
