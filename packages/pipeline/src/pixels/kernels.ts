/** Loops over RGB pixels. `plain.ts` specifies them in plain TypeScript, `simd.ts` has the fast ones. */

/** Rows of RGB pixels, 8 bit, interleaved. */
export interface Rows {
  /** From the first pixel to the last. */
  readonly data: Uint8Array;
  /** px */
  readonly width: number;
  /** px */
  readonly height: number;
  /** From a row to the next, bytes. */
  readonly stride: number;
}

/** A square grid of samples of an image. Coordinates are px, and whole numbers are the centres of pixels. */
export interface Samples {
  /** The first sample. */
  readonly left: number;
  readonly top: number;
  /** From one sample to the next on its right: `cos` px to the right and `sin` px down. The next one below lies at a right angle. */
  readonly cos: number;
  readonly sin: number;
  /** Samples along a side. */
  readonly size: number;
}

/** EXIF orientation 1..8: how stored pixels must be turned to be upright. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** No source may overlap its destination. */
export interface Kernels {
  /** Copies pixels. @param to as large as `from` */
  copy(from: Rows, to: Rows): void;
  /** Makes each pixel the mean of the area that it covers in the source. @param to no side larger than that of `from` */
  shrink(from: Rows, to: Rows): void;
  /** Makes each pixel the mean of 2 x 2, halves rounded to the even number; an odd last row or column counts twice. @param to half as large as `from`, rounded up */
  halve(from: Rows, to: Rows): void;
  /** Turns pixels upright. @param to as large as `from`, its sides swapped from orientation 5 on */
  orient(from: Rows, to: Rows, orientation: Orientation): void;
  /** Takes bilinear samples; outside the source its border pixels are repeated. @param to size * size pixels, row by row */
  warp(from: Rows, samples: Samples, to: Uint8Array): void;
}
