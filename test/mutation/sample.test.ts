import { expect, it } from 'vitest';
import { drawn } from './sample.ts';

const items = Array.from({ length: 40 }, (_, index) => ({ id: index }));
const draw = (from: typeof items, size: number, seed: number) => drawn(from, ({ id }) => `${id}`, { size, seed });

it('draws the same items for a seed whatever their order, and others for another seed', () => {
  const sample = draw(items, 10, 1);
  expect(sample.size).toBe(10);
  expect(draw(items.toReversed(), 10, 1)).toEqual(sample);
  expect(draw(items, 10, 2)).not.toEqual(sample);
});

it('draws all of a few', () => {
  expect(draw(items.slice(0, 3), 10, 1)).toEqual(new Set(items.slice(0, 3)));
});
