import { exifOrientation } from './exif.ts';
import { Reader, undecodable } from './reader.ts';
import type { ImageHeader } from './types.ts';

const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
const APP1 = 0xe1;
/** DHT, JPG and DAC share the range of the frame headers but are none. */
const NOT_FRAMES = new Set([0xc4, 0xc8, 0xcc]);
/** Real files have a few dozen segments before the picture; extended XMP and ICC profiles make it some hundreds. */
const MAX_SEGMENTS = 4096;

/** Walks the markers up to the first scan (ITU-T T.81 annex B). */
export function readJpegHeader(bytes: Uint8Array): ImageHeader {
  const reader = new Reader(bytes, 'JPEG');
  let frame: { width: number; height: number } | undefined;
  let orientation: number | undefined;
  let at = 2;
  for (let segment = 0; segment < MAX_SEGMENTS; segment++) {
    at = nextMarker(reader, at);
    const marker = reader.u8(at - 1);
    if (marker === SOS) {
      if (!frame) throw undecodable('JPEG', 'the picture starts before its size is told');
      return { format: 'jpeg', ...frame, orientation: orientation ?? 1 };
    }
    if (marker === EOI) throw undecodable('JPEG', 'the file ends before its picture');
    // SOI, TEM and restart markers stand alone.
    if (marker === 0x01 || (marker >= 0xd0 && marker <= SOI)) continue;
    const length = reader.u16(at, false);
    if (length < 2) throw undecodable('JPEG', 'a header segment has no length');
    if (isFrame(marker)) {
      if (frame) throw undecodable('JPEG', 'it tells its size twice');
      frame = { height: reader.u16(at + 3, false), width: reader.u16(at + 5, false) };
    } else if (marker === APP1 && orientation === undefined && reader.has(at + 2, 'Exif\0\0')) {
      orientation = exifOrientation(reader.part(at + 2, length - 2));
    }
    at += length;
  }
  throw undecodable('JPEG', 'it has too many header segments');
}

/** The offset just past the next marker's code. Stray bytes before a marker are skipped, as decoders do. */
function nextMarker(reader: Reader, from: number): number {
  let at = from;
  for (;;) {
    while (reader.u8(at) !== 0xff) at++;
    while (reader.u8(at) === 0xff) at++;
    if (reader.u8(at++) !== 0) return at;
  }
}

function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && !NOT_FRAMES.has(marker);
}
