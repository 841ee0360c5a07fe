/** Limits of an image's size, checked against its header before any pixel is decoded. */
export interface ImageLimits {
  /** Longest side, px. */
  maxSide: number;
  /** Width times height. */
  maxPixels: number;
}

/** The defaults of MAX_IMAGE_SIDE and MAX_IMAGE_PIXELS. */
export const DEFAULT_LIMITS: ImageLimits = { maxSide: 8192, maxPixels: 50e6 };

/**
 * Most bytes that a decoder may buffer of an image that it cannot decode row by row. With this limit an engine stays
 * under 700 MB (`npm run bench -- large-images`), or 900 MB when a crowd of thousands has made its models' memory grow.
 */
export const MAX_BUFFERED_BYTES = 300e6;
