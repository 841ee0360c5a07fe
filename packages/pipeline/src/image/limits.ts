import { MAX_IMAGE_SIDE } from '@facequeue/schema';

/** Limits of an image's size, checked against its header before any pixel is decoded. */
export interface ImageLimits {
  /** Longest side, px. */
  maxSide: number;
  /** Width times height. */
  maxPixels: number;
}

export const DEFAULT_LIMITS: ImageLimits = { maxSide: MAX_IMAGE_SIDE, maxPixels: MAX_IMAGE_SIDE * MAX_IMAGE_SIDE };
