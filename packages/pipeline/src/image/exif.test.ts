import fc from 'fast-check';
import { expect, it } from 'vitest';
import { exifBlock } from '../../../../test/support/fixtures/index.ts';
import { exifOrientation } from './exif.ts';

it('an orientation is read in either byte order, with or without the JPEG marker before it', () => {
  for (const byteOrder of ['II', 'MM'] as const) {
    for (let orientation = 1; orientation <= 8; orientation++) {
      const block = exifBlock(orientation, byteOrder);
      expect(exifOrientation(block)).toBe(orientation);
      expect(exifOrientation(Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), block]))).toBe(orientation);
    }
  }
});

it('an orientation written as a LONG is read too', () => {
  const block = exifBlock(0, 'MM');
  block.writeUInt16BE(4, 24);
  block.writeUInt32BE(6, 30);
  expect(exifOrientation(block)).toBe(6);
});

it('a damaged block neither rotates nor refuses an image', () => {
  for (const orientation of [0, 9, 65_535]) expect(exifOrientation(exifBlock(orientation, 'II'))).toBe(1);
  const block = exifBlock(6, 'II');
  expect(exifOrientation(block.subarray(0, 20))).toBe(1);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(37), fc.integer({ min: 0, max: 255 })), { maxLength: 8 }), (edits) => {
      const copy = Buffer.from(block);
      for (const [at, value] of edits) copy[at] = value;
      const orientation = exifOrientation(copy);
      expect(orientation >= 1 && orientation <= 8).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
