/** Bytes to upright RGB pixels: `readHeader` first, which costs next to nothing, then `decode` once. */
export { type DecodeOptions, decode, decodeImage } from './decode.ts';
export { readHeader, sniff } from './header.ts';
export { DEFAULT_LIMITS, type ImageLimits } from './limits.ts';
export type { ImageHeader, RgbImage, Size } from './types.ts';
