import { Transformer } from '@napi-rs/image';
import { freeMemory } from '../free-memory.ts';
import { shrinkPixels } from './sharp.ts';
import type { DecodeInput, RgbImage } from './types.ts';

const FILE_HEADER = 14;
const WINDOWS_HEADER = 40;
/** Sizes of the OS/2 2.x header, which the decoder does not read; its first 40 bytes have the fields of the Windows header. */
const OS2_HEADERS = [16, 64];

/**
 * Decodes a BMP of any kind; pixels that an RLE file skips take colour 0. Alpha is dropped, not flattened: writers without
 * alpha often leave the fourth byte at 0.
 * @throws Error the decoder's own
 */
export async function decodeBmp({ bytes, header: { width, height }, size, allocate }: DecodeInput): Promise<RgbImage> {
  const pixels = await new Transformer(withWindowsHeader(bytes)).rawPixels();
  const stored = { data: withoutAlpha(pixels, width * height), width, height };
  if (size) {
    const image = await shrinkPixels(stored, size);
    freeMemory(pixels);
    return image;
  }
  const image = allocate({ width, height });
  image.data.set(stored.data);
  freeMemory(pixels);
  return image;
}

/** The RGB pixels. @param pixels RGB or RGBA; overwritten, so that a large image is not copied once more */
function withoutAlpha(pixels: Uint8Array, count: number): Uint8Array {
  const channels = pixels.length / count;
  if (channels === 3) return pixels;
  if (channels !== 4) throw new Error(`decoded to ${channels} channels`);
  for (let from = 0, to = 0; from < pixels.length; from += 4, to += 3) {
    pixels[to] = pixels[from]!;
    pixels[to + 1] = pixels[from + 1]!;
    pixels[to + 2] = pixels[from + 2]!;
  }
  return pixels.subarray(0, count * 3);
}

/**
 * A copy whose OS/2 2.x header is cut or padded to the size of the Windows header; other files are returned as they are. The
 * two compressions that only OS/2 had use numbers that Windows assigned to others, for other depths: the decoder refuses
 * those files.
 */
function withWindowsHeader(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = view.getUint32(FILE_HEADER, true);
  if (!OS2_HEADERS.includes(size)) return bytes;
  const rest = bytes.subarray(FILE_HEADER + size);
  const out = new Uint8Array(FILE_HEADER + WINDOWS_HEADER + rest.length);
  out.set(bytes.subarray(0, FILE_HEADER + Math.min(size, WINDOWS_HEADER)));
  out.set(rest, FILE_HEADER + WINDOWS_HEADER);
  const moved = new DataView(out.buffer);
  moved.setUint32(10, view.getUint32(10, true) + WINDOWS_HEADER - size, true);
  moved.setUint32(FILE_HEADER, WINDOWS_HEADER, true);
  return out;
}
