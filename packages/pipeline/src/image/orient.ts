import type { RgbImage } from './types.ts';

/**
 * Turns and mirrors stored pixels so that the picture stands upright.
 * @param orientation EXIF 1..8, as EXIF 2.32 defines where row 0 and column 0 lie
 * @returns the image itself for 1
 */
export function upright(image: RgbImage, orientation: number): RgbImage {
  if (orientation === 1) return image;
  const { data, width, height } = image;
  const mirrorX = orientation === 2 || orientation === 3 || orientation === 7 || orientation === 8;
  const mirrorY = orientation === 3 || orientation === 4 || orientation === 6 || orientation === 7;
  const transposed = orientation >= 5;
  // Where the upright picture's first pixel lies in the stored one, and the stored steps of one column and one row.
  const start = (mirrorX ? width - 1 : 0) * 3 + (mirrorY ? height - 1 : 0) * width * 3;
  const alongX = mirrorX ? -3 : 3;
  const alongY = mirrorY ? -width * 3 : width * 3;
  const [column, row] = transposed ? [alongY, alongX] : [alongX, alongY];
  const out = { data: new Uint8Array(data.length), width, height };
  if (transposed) [out.width, out.height] = [height, width];
  for (let y = 0, to = 0; y < out.height; y++) {
    for (let x = 0, from = start + y * row; x < out.width; x++, from += column, to += 3) {
      out.data[to] = data[from]!;
      out.data[to + 1] = data[from + 1]!;
      out.data[to + 2] = data[from + 2]!;
    }
  }
  return out;
}
