/**
 * Loops over RGB pixels with SIMD instructions of WebAssembly. This is AssemblyScript: TypeScript's syntax with the types of WebAssembly.
 * `src/pixels/plain.ts` specifies each function in plain TypeScript; `npm run kernels` compiles this file to kernels.wasm.
 *
 * All of them work in the memory that they are given. Addresses and strides are bytes; a stride may be negative. They read up to 16 bytes
 * past the last pixel of a row, and write to no byte outside the destination's pixels, so the memory needs 16 bytes after an image.
 */

/** Weights of taps add up to 1 in this fixed point. */
const WEIGHT_BITS = 14;
const ONE: f64 = 16384;
/** Fractional bits of a row between the vertical and the horizontal step: 255 << 7 is just a positive i16. */
const ROW_BITS = 7;

/** Stores the first three bytes of `value`. */
function storePixel(at: usize, value: u32): void {
  store<u16>(at, value as u16);
  store<u8>(at, (value >> 16) as u8, 2);
}

/**
 * Stores a pixel whose channels are 32-bit numbers, clamped to bytes.
 * @param hasNext whether a pixel follows in the row: then one byte of it may be written, which is quicker
 */
function storeChannels(out: usize, channels: v128, hasNext: bool): void {
  const words = i16x8.narrow_i32x4_s(channels, channels);
  const value = i32x4.extract_lane(i8x16.narrow_i16x8_u(words, words), 0);
  if (hasNext) store<u32>(out, value);
  else storePixel(out, value);
}

/** The weight of pixel `tap` in the mean over `from` to `to`, so that those of all taps add up to exactly 1. */
function weight(tap: i32, from: f64, to: f64): i32 {
  const before = max<f64>(0, min<f64>(1, (f64(tap) - from) / (to - from)));
  const after = max<f64>(0, min<f64>(1, (f64(tap + 1) - from) / (to - from)));
  return i32(after * ONE + 0.5) - i32(before * ONE + 0.5);
}

/** The first pixel of a span. */
function firstTap(from: f64): i32 {
  return i32(from + 1e-9);
}

/** How many pixels a span touches. */
function tapsOf(from: f64, to: f64, length: i32): i32 {
  return max(1, min(length, i32(ceil<f64>(to - 1e-9))) - firstTap(from));
}

/**
 * Bytes of scratch memory that `shrink` needs.
 * @param srcWidth px
 * @param srcHeight px
 * @param dstWidth px
 * @param dstHeight px
 */
export function shrinkScratch(srcWidth: i32, srcHeight: i32, dstWidth: i32, dstHeight: i32): i32 {
  const row = srcWidth * 6 + 64;
  const columns = dstWidth * 4 * (3 + srcWidth / dstWidth);
  const rows = 4 * (4 + srcHeight / dstHeight);
  return row + columns + rows + 64;
}

/**
 * Shrinks: each pixel is the mean of the area it covers in the source.
 * @param scratch as many bytes as `shrinkScratch` says
 */
export function shrink(
  src: usize,
  srcStride: i32,
  srcWidth: i32,
  srcHeight: i32,
  dst: usize,
  dstStride: i32,
  dstWidth: i32,
  dstHeight: i32,
  scratch: usize,
): void {
  const stepX = f64(srcWidth) / f64(dstWidth);
  const stepY = f64(srcHeight) / f64(dstHeight);
  const bytes = srcWidth * 3;
  const row = scratch;
  // The vertical step writes whole vectors, the horizontal one reads past the last pixel.
  let at = scratch + (((bytes + 15) & ~15) * 2 + 32);

  // Taps come in pairs, because the instruction multiplies pairs: an offset into the row, then the weights of each pair.
  let pairs = 1;
  for (let x = 0; x < dstWidth; x++) {
    const count = tapsOf(f64(x) * stepX, f64(x + 1) * stepX, srcWidth);
    pairs = max(pairs, (count + 1) >> 1);
  }
  const columns = at;
  for (let x = 0; x < dstWidth; x++) {
    const from = f64(x) * stepX;
    const to = f64(x + 1) * stepX;
    const first = firstTap(from);
    const count = tapsOf(from, to, srcWidth);
    store<i32>(at, first * 6);
    at += 4;
    for (let pair = 0; pair < pairs; pair++, at += 4) {
      const tap = pair * 2;
      const even = tap < count ? weight(first + tap, from, to) : 0;
      const odd = tap + 1 < count ? weight(first + tap + 1, from, to) : 0;
      store<i32>(at, even | (odd << 16));
    }
  }
  const rowWeights = at;

  const halfRow = i32x4.splat(1 << (WEIGHT_BITS - ROW_BITS - 1));
  const half = i32x4.splat(1 << (WEIGHT_BITS + ROW_BITS - 1));
  for (let y = 0; y < dstHeight; y++) {
    const from = f64(y) * stepY;
    const to = f64(y + 1) * stepY;
    const first = firstTap(from);
    const count = tapsOf(from, to, srcHeight);
    for (let tap = 0; tap < count; tap += 2) {
      const odd = tap + 1 < count ? weight(first + tap + 1, from, to) : 0;
      store<i32>(rowWeights + tap * 2, weight(first + tap, from, to) | (odd << 16));
    }
    const top = src + first * srcStride;
    for (let column = 0; column < bytes; column += 16) {
      let a = i32x4.splat(0);
      let b = i32x4.splat(0);
      let c = i32x4.splat(0);
      let d = i32x4.splat(0);
      let line = top + column;
      for (let tap = 0; tap < count; tap += 2) {
        const weights = v128.load32_splat(rowWeights + tap * 2);
        const upper = v128.load(line);
        // The second of an odd number of taps has no weight.
        const lower = v128.load(tap + 1 < count ? line + srcStride : line);
        line += srcStride * 2;
        const left = i8x16.shuffle(upper, lower, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        const right = i8x16.shuffle(upper, lower, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        a = i32x4.add(a, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(left), weights));
        b = i32x4.add(b, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(left), weights));
        c = i32x4.add(c, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(right), weights));
        d = i32x4.add(d, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(right), weights));
      }
      a = i32x4.shr_u(i32x4.add(a, halfRow), WEIGHT_BITS - ROW_BITS);
      b = i32x4.shr_u(i32x4.add(b, halfRow), WEIGHT_BITS - ROW_BITS);
      c = i32x4.shr_u(i32x4.add(c, halfRow), WEIGHT_BITS - ROW_BITS);
      d = i32x4.shr_u(i32x4.add(d, halfRow), WEIGHT_BITS - ROW_BITS);
      v128.store(row + column * 2, i16x8.narrow_i32x4_s(a, b));
      v128.store(row + column * 2, i16x8.narrow_i32x4_s(c, d), 16);
    }
    let entry = columns;
    let out = dst + y * dstStride;
    for (let x = 0; x < dstWidth; x++) {
      let pixel = row + load<i32>(entry);
      let sum = half;
      entry += 4;
      for (let pair = 0; pair < pairs; pair++) {
        const two = v128.load(pixel);
        const channels = i8x16.shuffle(two, two, 0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11, 12, 13, 14, 15);
        sum = i32x4.add(sum, i32x4.dot_i16x8_s(channels, v128.load32_splat(entry)));
        entry += 4;
        pixel += 12;
      }
      sum = i32x4.shr_u(sum, WEIGHT_BITS + ROW_BITS);
      storeChannels(out, sum, x < dstWidth - 1);
      out += 3;
    }
  }
}

/** Means of 2 x 2 pixels, halves rounded to the even number. An odd last column or row counts twice. */
export function halve(src: usize, srcStride: i32, srcWidth: i32, srcHeight: i32, dst: usize, dstStride: i32): void {
  const width = (srcWidth + 1) >> 1;
  const height = (srcHeight + 1) >> 1;
  const one = i16x8.splat(1);
  for (let y = 0; y < height; y++) {
    const upper = src + y * 2 * srcStride;
    const lower = y * 2 + 1 < srcHeight ? upper + srcStride : upper;
    const out = dst + y * dstStride;
    let x = 0;
    // Four pixels of two rows at a time.
    for (; x * 2 + 4 <= srcWidth; x += 2) {
      const a = v128.load(upper + x * 6);
      const b = v128.load(lower + x * 6);
      let sum = i16x8.add(
        i16x8.extadd_pairwise_i8x16_u(i8x16.shuffle(a, a, 0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11, 12, 13, 14, 15)),
        i16x8.extadd_pairwise_i8x16_u(i8x16.shuffle(b, b, 0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11, 12, 13, 14, 15)),
      );
      const even = i16x8.add(one, v128.and(i16x8.shr_u(sum, 2), one));
      sum = i16x8.shr_u(i16x8.add(sum, even), 2);
      const pixels = i8x16.narrow_i16x8_u(sum, sum);
      v128.store32_lane(out + x * 3, pixels, 0);
      v128.store16_lane(out + x * 3, pixels, 2, 4);
    }
    for (; x < width; x++) {
      const left = x * 6;
      const right = x * 2 + 1 < srcWidth ? left + 3 : left;
      for (let channel = 0; channel < 3; channel++) {
        const sum =
          u32(load<u8>(upper + left + channel)) +
          u32(load<u8>(upper + right + channel)) +
          u32(load<u8>(lower + left + channel)) +
          u32(load<u8>(lower + right + channel));
        store<u8>(out + x * 3 + channel, (sum + 1 + ((sum >> 2) & 1)) >> 2);
      }
    }
  }
}

/**
 * Cuts out a square by bilinear samples; outside the image its border pixels are repeated.
 * @param left x of the first sample, px; whole numbers are centres of pixels
 * @param top y of the first sample
 * @param cos px to the right for each sample to the right, and down for each sample down
 * @param sin px down for each sample to the right, and to the left for each sample down
 * @param size of the square, samples
 */
export function warp(
  src: usize,
  stride: i32,
  width: i32,
  height: i32,
  left: f64,
  top: f64,
  cos: f64,
  sin: f64,
  size: i32,
  dst: usize,
): void {
  const right = f64(width - 1);
  const bottom = f64(height - 1);
  const lastRow = height - 1;
  const half = i32x4.splat(1 << (WEIGHT_BITS - 1));
  let out = dst;
  for (let row = 0; row < size; row++) {
    const startX = left - f64(row) * sin;
    const startY = top + f64(row) * cos;
    for (let column = 0; column < size; column++) {
      const x = i32(max<f64>(0, min<f64>(right, startX + f64(column) * cos)) * ONE + 0.5);
      const y = i32(max<f64>(0, min<f64>(bottom, startY + f64(column) * sin)) * ONE + 0.5);
      const fx = x & 16383;
      const fy = y & 16383;
      const y0 = y >> WEIGHT_BITS;
      // Past the last column both shares are 0, and what is read there does not count.
      const at = src + y0 * stride + (x >> WEIGHT_BITS) * 3;
      const below = y0 < lastRow ? at + stride : at;
      const w11 = (fx * fy + 8192) >> WEIGHT_BITS;
      const w10 = fy - w11;
      const w01 = fx - w11;
      const w00 = 16384 - fx - w10;
      const upper = v128.load64_zero(at);
      const lower = v128.load64_zero(below);
      const zero = i8x16.splat(0);
      // R R G G B B of two neighbours, as 16-bit numbers.
      const a = i8x16.shuffle(upper, zero, 0, 16, 3, 16, 1, 16, 4, 16, 2, 16, 5, 16, 16, 16, 16, 16);
      const b = i8x16.shuffle(lower, zero, 0, 16, 3, 16, 1, 16, 4, 16, 2, 16, 5, 16, 16, 16, 16, 16);
      let sum = i32x4.add(
        i32x4.dot_i16x8_s(a, i32x4.splat(w00 | (w01 << 16))),
        i32x4.dot_i16x8_s(b, i32x4.splat(w10 | (w11 << 16))),
      );
      sum = i32x4.shr_u(i32x4.add(sum, half), WEIGHT_BITS);
      storeChannels(out, sum, column < size - 1);
      out += 3;
    }
  }
}

/** Copies rows. */
export function copy(src: usize, srcStride: i32, width: i32, height: i32, dst: usize, dstStride: i32): void {
  const bytes = width * 3;
  if (srcStride === bytes && dstStride === bytes) {
    memory.copy(dst, src, bytes * height);
    return;
  }
  for (let y = 0; y < height; y++) memory.copy(dst + y * dstStride, src + y * srcStride, bytes);
}

/** Copies rows with left and right swapped. */
export function mirror(src: usize, srcStride: i32, width: i32, height: i32, dst: usize, dstStride: i32): void {
  for (let y = 0; y < height; y++) {
    const line = src + y * srcStride;
    const out = dst + y * dstStride;
    let x = 0;
    // Five pixels at a time; the sixteenth byte is written again by the next ones.
    for (; x + 6 <= width; x += 5) {
      const five = v128.load(line + (width - 5 - x) * 3);
      v128.store(out + x * 3, i8x16.shuffle(five, five, 12, 13, 14, 9, 10, 11, 6, 7, 8, 3, 4, 5, 0, 1, 2, 15));
    }
    for (; x < width; x++) {
      const pixel = line + (width - 1 - x) * 3;
      store<u16>(out + x * 3, load<u16>(pixel));
      store<u8>(out + x * 3, load<u8>(pixel, 2), 2);
    }
  }
}

/** Rows that are transposed together, so that their cache lines are still there when the next columns need them. */
const BAND = 64;

/** Columns become rows. @param width of the source, px, and so the height of the destination */
export function transpose(src: usize, srcStride: i32, width: i32, height: i32, dst: usize, dstStride: i32): void {
  const wholeColumns = width & ~3;
  const wholeRows = height & ~3;
  for (let band = 0; band < wholeRows; band += BAND) {
    const end = min(wholeRows, band + BAND);
    for (let x = 0; x < wholeColumns; x += 4) {
      for (let y = band; y < end; y += 4) {
        const line = src + y * srcStride + x * 3;
        const a = v128.load(line);
        const b = v128.load(line + srcStride);
        const c = v128.load(line + 2 * srcStride);
        const d = v128.load(line + 3 * srcStride);
        // Two columns of two rows each.
        const ab01 = i8x16.shuffle(a, b, 0, 1, 2, 16, 17, 18, 3, 4, 5, 19, 20, 21, 0, 0, 0, 0);
        const ab23 = i8x16.shuffle(a, b, 6, 7, 8, 22, 23, 24, 9, 10, 11, 25, 26, 27, 0, 0, 0, 0);
        const cd01 = i8x16.shuffle(c, d, 0, 1, 2, 16, 17, 18, 3, 4, 5, 19, 20, 21, 0, 0, 0, 0);
        const cd23 = i8x16.shuffle(c, d, 6, 7, 8, 22, 23, 24, 9, 10, 11, 25, 26, 27, 0, 0, 0, 0);
        const out = dst + x * dstStride + y * 3;
        storeFour(out, i8x16.shuffle(ab01, cd01, 0, 1, 2, 3, 4, 5, 16, 17, 18, 19, 20, 21, 0, 0, 0, 0));
        storeFour(out + dstStride, i8x16.shuffle(ab01, cd01, 6, 7, 8, 9, 10, 11, 22, 23, 24, 25, 26, 27, 0, 0, 0, 0));
        storeFour(out + 2 * dstStride, i8x16.shuffle(ab23, cd23, 0, 1, 2, 3, 4, 5, 16, 17, 18, 19, 20, 21, 0, 0, 0, 0));
        storeFour(
          out + 3 * dstStride,
          i8x16.shuffle(ab23, cd23, 6, 7, 8, 9, 10, 11, 22, 23, 24, 25, 26, 27, 0, 0, 0, 0),
        );
      }
    }
  }
  for (let y = 0; y < height; y++) {
    for (let x = y < wholeRows ? wholeColumns : 0; x < width; x++) {
      const pixel = src + y * srcStride + x * 3;
      const out = dst + x * dstStride + y * 3;
      store<u16>(out, load<u16>(pixel));
      store<u8>(out, load<u8>(pixel, 2), 2);
    }
  }
}

/** Stores four pixels. */
function storeFour(at: usize, pixels: v128): void {
  v128.store64_lane(at, pixels, 0);
  v128.store32_lane(at, pixels, 2, 8);
}
