/** Limits of an image's size, checked against its header before any pixel is decoded. */
export interface ImageLimits {
  /** Longest side, px. */
  maxSide: number;
  /** Width times height. */
  maxPixels: number;
}

export const DEFAULT_LIMITS: ImageLimits = { maxSide: 8192, maxPixels: 50e6 };

/**
 * Most bytes that a decoder may need for a picture that it cannot decode row by row. With them, an engine stays
 * under 700 MB (`npm run bench -- large-images`), or 900 MB when a crowd of thousands has made its models' memory grow.
 */
export const MAX_BUFFERED_BYTES = 300e6;
