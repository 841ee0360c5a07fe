import { hasText, Reader, undecodable } from './reader.ts';
import type { FileFacts } from './types.ts';

/** OS/2 1.x and Windows 2: 16-bit sizes. */
const CORE_HEADER = 12;
/**
 * Sizes of the header after the 14-byte file header: core, OS/2 2.x short and full, Windows 3, its V2 and V3 variants
 * with colour masks, V4 (Windows 95), V5 (Windows 98).
 */
const HEADER_SIZES: readonly number[] = [CORE_HEADER, 16, 64, 40, 52, 56, 108, 124];

const FILE_HEADER = 14;

/** The decoder makes RGBA of 32 bits a pixel and of 16 with masks, RGB of all others, and a copy of either. */
const bufferedBytes = (bits: number) => 2 * (bits === 16 || bits === 32 ? 4 : 3);

/** Two letters are weak evidence, so the size of the header that follows must be a known one, too. */
export function isBmp(bytes: Uint8Array): boolean {
  if (!hasText(bytes, 0, 'BM') || bytes.length < FILE_HEADER + 4) return false;
  return HEADER_SIZES.includes(new Reader(bytes, 'bmp').u32(FILE_HEADER, true));
}

/** Reads the bitmap header; a negative height means rows from the top. */
export function readBmpHeader(bytes: Uint8Array): FileFacts {
  const reader = new Reader(bytes, 'bmp');
  const header = FILE_HEADER;
  const size = reader.u32(header, true);
  if (!HEADER_SIZES.includes(size)) throw undecodable('bmp', 'its header is of an unknown kind');
  const core = size === CORE_HEADER;
  const width = core ? reader.u16(header + 4, true) : reader.i32le(header + 4);
  const height = core ? reader.u16(header + 6, true) : Math.abs(reader.i32le(header + 8));
  if (width < 0) throw undecodable('bmp', 'its width is negative');
  const bits = reader.u16(core ? header + 10 : header + 14, true);
  return { width, height, orientation: 1, bufferedBytesPerPixel: bufferedBytes(bits) };
}
