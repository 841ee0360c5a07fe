import type { RgbImage } from '../image/index.ts';
import type { Size } from './letterbox.ts';

/** For each output position the source positions it covers and how much of each, in order. */
interface Spans {
  /** First source position of an output position; one entry more than outputs is not needed. */
  first: Int32Array;
  /** Weights, `taps` a position, zero past the span; each position's sum is 1. */
  weights: Float32Array;
  taps: number;
}

/** Cuts `from` source positions into `to` equal stretches. */
function spans(from: number, to: number): Spans {
  const step = from / to;
  const taps = Math.ceil(step) + 1;
  const first = new Int32Array(to);
  const weights = new Float32Array(to * taps);
  for (let i = 0; i < to; i++) {
    const start = i * step;
    const end = Math.min(from, start + step);
    first[i] = Math.floor(start);
    for (let k = 0; k < taps; k++) {
      const position = first[i]! + k;
      weights[i * taps + k] = Math.max(0, Math.min(end, position + 1) - Math.max(start, position)) / (end - start);
    }
  }
  return { first, weights, taps };
}

/**
 * Area averaging: every output pixel is the mean of the source area it covers. Sampling that skips pixels instead
 * costs the detector small faces.
 * @param size no side larger than the image's
 */
export function shrink(image: RgbImage, size: Size): RgbImage {
  const { width, height } = image;
  const out = new Uint8Array(size.width * size.height * 3);
  const across = spans(width, size.width);
  const down = spans(height, size.height);
  const row = new Float32Array(width * 3);
  for (let y = 0; y < size.height; y++) {
    row.fill(0);
    for (let k = 0; k < down.taps; k++) {
      const weight = down.weights[y * down.taps + k]!;
      if (weight === 0) continue;
      const start = (down.first[y]! + k) * width * 3;
      for (let i = 0; i < row.length; i++) row[i]! += image.data[start + i]! * weight;
    }
    for (let x = 0; x < size.width; x++) {
      let r = 0.5;
      let g = 0.5;
      let b = 0.5;
      for (let k = 0; k < across.taps; k++) {
        const weight = across.weights[x * across.taps + k]!;
        if (weight === 0) continue;
        const at = (across.first[x]! + k) * 3;
        r += row[at]! * weight;
        g += row[at + 1]! * weight;
        b += row[at + 2]! * weight;
      }
      const at = (y * size.width + x) * 3;
      out[at] = r;
      out[at + 1] = g;
      out[at + 2] = b;
    }
  }
  return { data: out, width: size.width, height: size.height };
}
