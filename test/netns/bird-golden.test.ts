import { readdirSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { missingFor } from '../lab/needs.js';

const FOLDER = 'test/golden/bird';
const missing = missingFor(['bird']);
if (missing.length > 0) process.stderr.write(`SKIPPED golden configurations of BIRD: ${missing.join(', ')}\n`);

(missing.length === 0 ? describe : describe.skip)('BIRD itself finds no fault', () => {
  test.each(readdirSync(FOLDER))('in %s', async (file) => {
    const { exitCode, stderr } = await execa('bird', ['-p', '-c', `${FOLDER}/${file}`], { reject: false });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });

  test('and it does find faults', async () => {
    const { exitCode } = await execa('bird', ['-p', '-c', '/dev/stdin'], { reject: false, input: 'nonsense;' });
    expect(exitCode).toBe(1);
  });
});
