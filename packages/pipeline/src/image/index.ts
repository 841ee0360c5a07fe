/** Bytes to upright RGB pixels: `readHeader` first, which costs next to nothing, then `decode` once. */
export { type DecodeOptions, decode } from './decode.ts';
export { readHeader, sniff } from './header.ts';
export type { ImageFormat, ImageHeader, ImageLimits, RgbImage } from './types.ts';
