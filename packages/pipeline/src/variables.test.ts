import { readConfig } from '@facequeue/schema/config';
import { expect, it } from 'vitest';
import { DEFAULT_LIMITS } from './image/limits.ts';
import { imageLimits, pipelineVariables } from './variables.ts';

it('a pipeline has the default limits of the settings when it is given none', () => {
  expect(imageLimits(readConfig(pipelineVariables, {}))).toEqual(DEFAULT_LIMITS);
});

it('pixels may be given in megapixels', () => {
  for (const [text, pixels] of [
    ['16mp', 16e6],
    ['0.5MP', 500_000],
    ['16777216', 16_777_216],
  ] as const)
    expect(readConfig(pipelineVariables, { MAX_IMAGE_PIXELS: text }).MAX_IMAGE_PIXELS).toBe(pixels);
});
