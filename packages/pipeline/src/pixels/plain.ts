/**
 * The kernels in plain TypeScript. They specify what the fast ones compute, to within one step of 255, and run where WebAssembly has no
 * SIMD instructions, or no addresses.
 */
import type { Kernels, Orientation, Rows, Samples } from './kernels.ts';

export const plainKernels: Kernels = { copy, shrink, halve, orient, warp };

function copy(from: Rows, to: Rows): void {
  const bytes = from.width * 3;
  for (let y = 0; y < from.height; y++)
    to.data.set(from.data.subarray(y * from.stride, y * from.stride + bytes), y * to.stride);
}

/** Which pixels each of `count` spans of equal length touches, and how much of the span each is. */
function spans(length: number, count: number) {
  const firsts = new Uint32Array(count);
  const shares: Float64Array[] = [];
  for (let i = 0; i < count; i++) {
    const [from, to] = [(i * length) / count, ((i + 1) * length) / count];
    const first = Math.floor(from);
    const last = Math.max(first + 1, Math.min(length, Math.ceil(to)));
    const covered = (at: number) => Math.min(to, at + 1) - Math.max(from, at);
    firsts[i] = first;
    shares.push(Float64Array.from({ length: last - first }, (_share, k) => covered(first + k) / (to - from)));
  }
  return { firsts, shares };
}

function shrink(from: Rows, to: Rows): void {
  const rows = spans(from.height, to.height);
  const columns = spans(from.width, to.width);
  const { data } = from;
  const out = to.data;
  const line = new Float64Array(from.width * 3);
  for (let y = 0; y < to.height; y++) {
    line.fill(0);
    const down = rows.shares[y]!;
    for (let k = 0, at = rows.firsts[y]! * from.stride; k < down.length; k++, at += from.stride)
      for (let i = 0; i < line.length; i++) line[i]! += data[at + i]! * down[k]!;
    for (let x = 0, at = y * to.stride; x < to.width; x++, at += 3) {
      const across = columns.shares[x]!;
      let [r, g, b] = [0.5, 0.5, 0.5];
      for (let k = 0, pixel = columns.firsts[x]! * 3; k < across.length; k++, pixel += 3) {
        r += line[pixel]! * across[k]!;
        g += line[pixel + 1]! * across[k]!;
        b += line[pixel + 2]! * across[k]!;
      }
      out[at] = r;
      out[at + 1] = g;
      out[at + 2] = b;
    }
  }
}

function halve({ data, width, height, stride }: Rows, to: Rows): void {
  for (let y = 0; y < to.height; y++) {
    const upper = 2 * y * stride;
    const lower = 2 * y + 1 < height ? upper + stride : upper;
    for (let x = 0; x < to.width; x++) {
      const left = 6 * x;
      const right = 2 * x + 1 < width ? left + 3 : left;
      for (let channel = 0; channel < 3; channel++) {
        const sum =
          data[upper + left + channel]! +
          data[upper + right + channel]! +
          data[lower + left + channel]! +
          data[lower + right + channel]!;
        to.data[y * to.stride + x * 3 + channel] = (sum + 1 + ((sum >> 2) & 1)) >> 2;
      }
    }
  }
}

/** Where the upright pixel of each orientation lies in the stored picture of this size. */
const STORED: Record<Orientation, (x: number, y: number, size: Rows) => [x: number, y: number]> = {
  1: (x, y) => [x, y],
  2: (x, y, { width }) => [width - 1 - x, y],
  3: (x, y, { width, height }) => [width - 1 - x, height - 1 - y],
  4: (x, y, { height }) => [x, height - 1 - y],
  5: (x, y) => [y, x],
  6: (x, y, { height }) => [y, height - 1 - x],
  7: (x, y, { width, height }) => [width - 1 - y, height - 1 - x],
  8: (x, y, { width }) => [width - 1 - y, x],
};

function orient(from: Rows, to: Rows, orientation: Orientation): void {
  const stored = STORED[orientation];
  const address = (x: number, y: number) => {
    const [fromX, fromY] = stored(x, y, from);
    return fromY * from.stride + fromX * 3;
  };
  const start = address(0, 0);
  const right = address(1, 0) - start;
  const down = address(0, 1) - start;
  const { data } = from;
  const out = to.data;
  for (let y = 0; y < to.height; y++)
    for (let x = 0, pixel = start + y * down, at = y * to.stride; x < to.width; x++, pixel += right, at += 3) {
      out[at] = data[pixel]!;
      out[at + 1] = data[pixel + 1]!;
      out[at + 2] = data[pixel + 2]!;
    }
}

function warp(from: Rows, { left, top, cos, sin, size }: Samples, to: Uint8Array): void {
  for (let row = 0; row < size; row++)
    warpRow(
      from.data,
      from.stride,
      from.width - 1,
      from.height - 1,
      left - row * sin,
      top + row * cos,
      cos,
      sin,
      size,
      to,
      row * size * 3,
    );
}

/** One row of a warp. It takes numbers only, so that V8 compiles it once and never deoptimises it. */
function warpRow(
  data: Uint8Array,
  stride: number,
  right: number,
  bottom: number,
  left: number,
  top: number,
  cos: number,
  sin: number,
  size: number,
  out: Uint8Array,
  start: number,
): void {
  for (let i = 0, at = start; i < size; i++, at += 3) {
    const x = Math.min(right, Math.max(0, left + i * cos));
    const y = Math.min(bottom, Math.max(0, top + i * sin));
    const x0 = x | 0;
    const y0 = y | 0;
    const fx = x - x0;
    const fy = y - y0;
    const a = y0 * stride + x0 * 3;
    const b = x0 < right ? a + 3 : a;
    const below = y0 < bottom ? stride : 0;
    const w11 = fx * fy;
    const w10 = fy - w11;
    const w01 = fx - w11;
    const w00 = 1 - fx - w10;
    const c = a + below;
    const d = b + below;
    out[at] = w00 * data[a]! + w01 * data[b]! + w10 * data[c]! + w11 * data[d]! + 0.5;
    out[at + 1] = w00 * data[a + 1]! + w01 * data[b + 1]! + w10 * data[c + 1]! + w11 * data[d + 1]! + 0.5;
    out[at + 2] = w00 * data[a + 2]! + w01 * data[b + 2]! + w10 * data[c + 2]! + w11 * data[d + 2]! + 0.5;
  }
}
