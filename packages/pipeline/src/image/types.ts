/** Formats that are accepted; the bytes decide, never a name or content type. */
export type ImageFormat = 'jpeg' | 'png' | 'bmp' | 'webp';

/** RGB, 8 bit, interleaved, row-major: `data.length === width * height * 3`. */
export interface RgbImage {
  data: Uint8Array;
  /** px */
  width: number;
  /** px */
  height: number;
}

/** What a file says about itself before any pixel is decoded. */
export interface ImageHeader {
  format: ImageFormat;
  /** px as stored, before orientation; at least 1 */
  width: number;
  /** px as stored, before orientation; at least 1 */
  height: number;
  /** EXIF orientation 1..8; 1 when absent, out of range or unreadable, as viewers have it. */
  orientation: number;
}
