import type { RgbImage } from '../image/index.ts';
import type { Crop } from './crop.ts';

/**
 * Cuts a rotated square out of an image: bilinear samples, with as many sub-samples per pixel as the crop is reduced by, up
 * to 4 x 4. Outside the image, its border pixels are repeated.
 * @param crop in px of `image`
 * @param size side of the result, px
 * @param out where to write, size * size * 3 bytes RGB
 */
export function warp(image: RgbImage, crop: Crop, size: number, out: Uint8Array): void {
  const { data, width, height } = image;
  // Decoders return Buffers and arrays; with one type only, the compiled row function stays valid.
  const pixels = new Uint8Array(data.buffer, data.byteOffset, data.length);
  const n = Math.min(4, Math.max(1, Math.ceil(crop.side / (2 * size) - 0.01)));
  const cos = (Math.cos(crop.roll) * crop.side) / (size * n);
  const sin = (Math.sin(crop.roll) * crop.side) / (size * n);
  // Offset from the crop's centre to the centre of its first sub-sample.
  const half = (size * n) / 2 - 0.5;
  const left = crop.centreX - half * cos + half * sin - 0.5;
  const top = crop.centreY - half * sin - half * cos - 0.5;
  for (let row = 0; row < size; row++)
    warpRow(pixels, width, height, left - row * n * sin, top + row * n * cos, cos, sin, n, size, out, row * size * 3);
}

/** One row of a warp. It takes numbers only, so that V8 compiles it once and never deoptimises it. */
function warpRow(
  data: Uint8Array,
  width: number,
  height: number,
  left: number,
  top: number,
  cos: number,
  sin: number,
  n: number,
  size: number,
  out: Uint8Array,
  start: number,
): void {
  const right = width - 1;
  const bottom = height - 1;
  const share = 1 / (n * n);
  for (let i = 0; i < size; i++) {
    let r = 0;
    let g = 0;
    let b = 0;
    for (let sj = 0; sj < n; sj++) {
      for (let si = 0; si < n; si++) {
        const u = i * n + si;
        const x = Math.min(right, Math.max(0, left + u * cos - sj * sin));
        const y = Math.min(bottom, Math.max(0, top + u * sin + sj * cos));
        const x0 = x | 0;
        const y0 = y | 0;
        const fx = x - x0;
        const fy = y - y0;
        const a = (y0 * width + x0) * 3;
        const c = x0 < right ? a + 3 : a;
        const below = y0 < bottom ? width * 3 : 0;
        const w11 = fx * fy;
        const w10 = fy - w11;
        const w01 = fx - w11;
        const w00 = 1 - fx - w10;
        r += w00 * data[a]! + w01 * data[c]! + w10 * data[a + below]! + w11 * data[c + below]!;
        g += w00 * data[a + 1]! + w01 * data[c + 1]! + w10 * data[a + below + 1]! + w11 * data[c + below + 1]!;
        b += w00 * data[a + 2]! + w01 * data[c + 2]! + w10 * data[a + below + 2]! + w11 * data[c + below + 2]!;
      }
    }
    const at = start + i * 3;
    out[at] = r * share + 0.5;
    out[at + 1] = g * share + 0.5;
    out[at + 2] = b * share + 0.5;
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
