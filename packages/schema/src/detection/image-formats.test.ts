import { expect, test } from 'vitest';
import { IMAGE_SUFFIXES, imageFormatNames } from './image-formats.ts';

test('suffixes are lower case, begin with a dot and are unique', () => {
  for (const suffix of IMAGE_SUFFIXES) expect(suffix).toMatch(/^\.[a-z0-9]+$/);
  expect(new Set(IMAGE_SUFFIXES).size).toBe(IMAGE_SUFFIXES.length);
});

test('names of formats are listed as a sentence does', () => {
  expect(imageFormatNames('or')).toBe('JPEG, PNG, BMP or WebP');
  expect(imageFormatNames('and')).toBe('JPEG, PNG, BMP and WebP');
});
