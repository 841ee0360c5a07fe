import { expect, it } from 'vitest';
import { rateFrom } from './rate.ts';

it('a rate is the decayed count over 15 s, as of the time it is asked for', () => {
  expect(rateFrom('30.000000 1000', 1000)).toBeCloseTo(2, 6);
  expect(rateFrom('30.000000 1000', 16_000)).toBeCloseTo(2 / Math.E, 6);
  expect(rateFrom('0 1000', 1000)).toBe(0);
  expect(rateFrom(undefined, 1000)).toBe(0);
  expect(rateFrom('', 1000)).toBe(0);
});
