import { Transformer } from '@napi-rs/image';
import type { ImageHeader, RgbImage } from './types.ts';

/**
 * Decodes a BMP of any kind; pixels an RLE file skips are black. Alpha is dropped, not flattened: the fourth byte of a BMP
 * is as often left at 0 by writers that know no alpha.
 * @throws Error the decoder's own
 */
export async function decodeBmp(bytes: Uint8Array, { width, height }: ImageHeader): Promise<RgbImage> {
  const pixels = await new Transformer(bytes).rawPixels();
  const channels = pixels.length / (width * height);
  if (channels === 3) return { data: pixels, width, height };
  if (channels !== 4) throw new Error(`decoded to ${channels} channels`);
  const data = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < pixels.length; from += 4, to += 3) {
    data[to] = pixels[from]!;
    data[to + 1] = pixels[from + 1]!;
    data[to + 2] = pixels[from + 2]!;
  }
  return { data, width, height };
}
