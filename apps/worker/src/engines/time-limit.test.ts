import { readConfig } from '@facequeue/schema/config';
import { expect, it } from 'vitest';
import { workerVariables } from '../variables.ts';
import { timeLimit } from './time-limit.ts';

const limitOf = (pixels: number, faces: number, env: Record<string, string> = {}) => {
  const { ENGINE_TIMEOUT, MAX_IMAGE_PIXELS } = workerVariables;
  const { baseMs, megapixelMs, maxPixels, faceMs } = timeLimit(readConfig({ ENGINE_TIMEOUT, MAX_IMAGE_PIXELS }, env));
  return baseMs + (megapixelMs * Math.min(pixels, maxPixels)) / 1e6 + faceMs * faces;
};

it('an image has ENGINE_TIMEOUT, a 50th of it for each megapixel and a 200th for each face', () => {
  expect(limitOf(0, 0)).toBe(8000);
  expect(limitOf(2e6, 10)).toBe(8000 + 320 + 400);
  expect(limitOf(2e6, 10, { ENGINE_TIMEOUT: '1m' })).toBe(60_000 + 2400 + 3000);
});

it('the largest image has four times what the dearest one takes, 3.4 s', () => {
  expect(limitOf(37.5e6, 0)).toBeGreaterThan(4 * 3400);
  expect(limitOf(50e6, 0)).toBe(16_000);
});

it('an image has no more time than the most pixels that are accepted', () => {
  expect(limitOf(1e12, 0)).toBe(limitOf(50e6, 0));
  expect(limitOf(1e12, 0, { MAX_IMAGE_PIXELS: '100mp' })).toBe(24_000);
});
