import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type BgpHost, BgpLab } from './bgp-lab.js';

const TIMEOUT_MS = 60_000;

describe('a mesh of three nodes', () => {
  let lab: BgpLab;
  let one: BgpHost;
  let two: BgpHost;
  let three: BgpHost;
  beforeAll(async () => {
    lab = await BgpLab.up();
    [one, two, three] = await Promise.all([lab.node('one'), lab.node('two'), lab.node('three')]);
  }, TIMEOUT_MS);
  afterAll(() => lab.down(), TIMEOUT_MS);

  test(
    'each learns the others’ blocks, of both families, by the nodes that have them',
    async () => {
      await one.claim('10.64.0.0/26');
      await one.claim('fd80:c0de::/122');
      await two.claim('10.64.0.64/26');
      await three.learns([`10.64.0.0/26 via ${one.ip}`, `10.64.0.64/26 via ${two.ip}`]);
      await two.learns([`10.64.0.0/26 via ${one.ip}`]);
      await three.learns([`fd80:c0de::/122 via ${one.ip6}`], 6);
      expect(await one.status()).toMatchObject({ problems: [] });
    },
    TIMEOUT_MS,
  );
});
