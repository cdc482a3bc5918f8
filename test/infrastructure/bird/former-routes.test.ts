import { expect, test } from '@jest/globals';
import { superseded } from '../../../src/infrastructure/bird/former-routes.js';
import type { LearnedRoute } from '../../../src/infrastructure/bird/learned-routes.js';

const route = (destination: string, metric: number, family: 4 | 6 = 4): LearnedRoute => ({
  family,
  destination,
  metric,
});

test('a route of a former BIRD goes when the present one has one to the same destination, or when its time is over', () => {
  const told = route('10.64.0.0/26', 2_080);
  const untold = route('10.64.0.64/26', 2_082);
  const present = [route('10.64.0.0/26', 2_081), route('10.64.0.128/26', 2_081)];
  expect(superseded([told, untold, ...present], 2_081, false)).toEqual([told]);
  expect(superseded([told, untold, ...present], 2_081, true)).toEqual([told, untold]);
});
