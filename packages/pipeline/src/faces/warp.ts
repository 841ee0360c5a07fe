import type { RgbImage } from '../image/index.ts';
import type { Crop } from './crop.ts';

/**
 * Cuts a turned square out of an image: bilinear samples, as many sub-samples a pixel as the crop is reduced by, up
 * to 4 x 4. Outside the image its border pixels go on.
 * @param crop in px of `image`
 * @param size side of the result, px
 * @param out where to write, size * size * 3 bytes RGB
 */
export function warp(image: RgbImage, crop: Crop, size: number, out: Uint8Array): void {
  const { data, width, height } = image;
  const n = Math.min(4, Math.max(1, Math.ceil(crop.side / (2 * size) - 0.01)));
  const cos = (Math.cos(crop.roll) * crop.side) / (size * n);
  const sin = (Math.sin(crop.roll) * crop.side) / (size * n);
  const half = (size * n) / 2 - 0.5;
  const right = width - 1;
  const bottom = height - 1;
  const share = 1 / (n * n);
  let at = 0;
  for (let j = 0; j < size; j++) {
    for (let i = 0; i < size; i++) {
      let r = 0;
      let g = 0;
      let b = 0;
      for (let sj = 0; sj < n; sj++) {
        const v = j * n + sj - half;
        for (let si = 0; si < n; si++) {
          const u = i * n + si - half;
          const x = Math.min(right, Math.max(0, crop.centreX + u * cos - v * sin - 0.5));
          const y = Math.min(bottom, Math.max(0, crop.centreY + u * sin + v * cos - 0.5));
          const x0 = x | 0;
          const y0 = y | 0;
          const fx = x - x0;
          const fy = y - y0;
          const topLeft = (y0 * width + x0) * 3;
          const topRight = x0 < right ? topLeft + 3 : topLeft;
          const below = y0 < bottom ? width * 3 : 0;
          const w11 = fx * fy;
          const w10 = fy - w11;
          const w01 = fx - w11;
          const w00 = 1 - fx - w10;
          r +=
            w00 * data[topLeft]! + w01 * data[topRight]! + w10 * data[topLeft + below]! + w11 * data[topRight + below]!;
          g +=
            w00 * data[topLeft + 1]! +
            w01 * data[topRight + 1]! +
            w10 * data[topLeft + below + 1]! +
            w11 * data[topRight + below + 1]!;
          b +=
            w00 * data[topLeft + 2]! +
            w01 * data[topRight + 2]! +
            w10 * data[topLeft + below + 2]! +
            w11 * data[topRight + below + 2]!;
        }
      }
      out[at++] = r * share + 0.5;
      out[at++] = g * share + 0.5;
      out[at++] = b * share + 0.5;
    }
  }
}

/** The left-right mirror image of a square RGB crop. */
export function mirror(crop: Uint8Array, size: number, out: Uint8Array): void {
  for (let y = 0; y < size; y++) {
    let from = (y * size + size - 1) * 3;
    let to = y * size * 3;
    for (let x = 0; x < size; x++, from -= 3, to += 3) {
      out[to] = crop[from]!;
      out[to + 1] = crop[from + 1]!;
      out[to + 2] = crop[from + 2]!;
    }
  }
}
