import { expect, test } from '@jest/globals';
import { birdFilters } from '../../../routing/bgp/bird-filters.js';
import { parseCidr } from '../../../src/model/cidr.js';

const cidrs = (...texts: string[]) => texts.map(parseCidr);
const fromKernel = (text: string) => /filter from_kernel\d \{.*?\n\}/s.exec(text)?.[0];

test.each([4, 6] as const)(
  'the filter of the IPv%i routes that are there refuses none, and no change of pools or blocks changes it',
  (family) => {
    const none = { pools: [], encapsulatedPools: [], ownBlocks: [] };
    const many = {
      pools: cidrs('10.64.0.0/12', 'fd80:c0de::/48'),
      encapsulatedPools: cidrs('10.80.0.0/16'),
      ownBlocks: cidrs('10.64.0.0/26', 'fd80:c0de::/122'),
    };
    const text = fromKernel(birdFilters(family, many));
    expect(text).toBe(fromKernel(birdFilters(family, none)));
    expect(text).toContain('accept;');
    expect(text).not.toContain('reject');
  },
);
