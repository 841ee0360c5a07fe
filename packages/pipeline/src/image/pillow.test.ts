/** Pictures as Pillow reads them: a decoder, and a way to turn them upright, that has nothing in common with this one. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { deviation, type Variant } from '../../../../test/support/fixtures/index.ts';
import { decodeImage } from './index.ts';

interface PillowPicture {
  name: string;
  format: Variant['format'];
  width: number;
  height: number;
  /** The file, base64. */
  bytes: string;
  /** RGB, upright, base64. */
  pixels: string;
}

/** Made by make.py beside it. */
const file = new URL('../../../../test/support/fixtures/pillow/pictures.json', import.meta.url);
const pictures = JSON.parse(readFileSync(file, 'utf8')) as PillowPicture[];

describe.each(['jpeg', 'png', 'webp', 'bmp'] as const)('%s', (format) => {
  const kinds = pictures.filter((picture) => picture.format === format);

  it.each(kinds)('$name has the pixels that Pillow reads', async ({ name, bytes, pixels, width, height }) => {
    const decoded = await decodeImage(Buffer.from(bytes, 'base64'));
    expect([decoded.width, decoded.height]).toEqual([width, height]);
    const expected = { data: Buffer.from(pixels, 'base64'), width, height };
    // A part-transparent pixel is rounded here, and cut off by Pillow.
    expect(deviation(decoded, expected).max).toBeLessThanOrEqual(name.includes('alpha') ? 1 : 0);
  });
});
