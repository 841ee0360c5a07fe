import type { WorkerConfig } from '../config.ts';

/** How long an image may take. */
export interface TimeLimit {
  /** For any image, ms. */
  baseMs: number;
  /** More for each million of its pixels, to decode and search them, ms. */
  megapixelMs: number;
  /** Most pixels of an image: an engine that reports more gets no more time. */
  maxPixels: number;
  /** More for each face that is described, ms. */
  faceMs: number;
}

/**
 * Measured: landmarks, gender and age of a face take 7 to 8 ms of CPU time on one core, 14 ms on a core that others use, too. 40 ms at
 * the default of 8 s is three times that. As a share of the setting it grows where an operator raises that for a slow device.
 */
const FACE_SHARE = 1 / 200;

/**
 * Measured (`npm run bench -- large-images`): the most expensive image, a progressive CMYK JPEG of 37 megapixels, takes 3.4 s of CPU time.
 * 160 ms a megapixel at the default, beside what an image has anyway, is four times that.
 */
const MEGAPIXEL_SHARE = 1 / 50;

/** The time limit of images under these settings. */
export function timeLimit({
  ENGINE_TIMEOUT,
  MAX_IMAGE_PIXELS,
}: Pick<WorkerConfig, 'ENGINE_TIMEOUT' | 'MAX_IMAGE_PIXELS'>): TimeLimit {
  return {
    baseMs: ENGINE_TIMEOUT,
    megapixelMs: ENGINE_TIMEOUT * MEGAPIXEL_SHARE,
    maxPixels: MAX_IMAGE_PIXELS,
    faceMs: ENGINE_TIMEOUT * FACE_SHARE,
  };
}
