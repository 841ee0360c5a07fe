import { exifOrientation } from './exif.ts';
import { Reader, undecodable } from './reader.ts';
import type { FileFacts } from './types.ts';

const SOF0_BASELINE = 0xc0;
const SOF1_EXTENDED = 0xc1;
const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
const APP1 = 0xe1;
const TEM = 0x01;
const RST0 = 0xd0;
/** DHT, JPG and DAC share the range of the frame headers but are none. */
const NOT_FRAMES = new Set([0xc4, 0xc8, 0xcc]);
/** Real files have a few dozen segments before the picture; extended XMP and ICC profiles make it some hundreds. */
const MAX_SEGMENTS = 4096;

const MAX_STRAY_BYTES = 65_536;
/**
 * Each scan after the first goes over the whole picture again, at 4 CPU-ms for 16 megapixels however few its bytes: 60 kB
 * can hold 900 of them. Encoders write about 10.
 */
export const MAX_SCANS = 100;

export interface JpegHeader extends FileFacts {
  /** Grey or colour in one sequential scan: pixels come from the top, once and complete, so a missing end means missing rows. */
  fromTheTop: boolean;
}

interface Frame {
  kind: number;
  width: number;
  height: number;
  /** Sampling factors of each component: horizontal, vertical. */
  sampling: { h: number; v: number }[];
}

/**
 * Walks the markers up to the first scan (ITU-T T.81 annex B). A height of 0 (given after the scan) is left at 0.
 * @throws FacequeueError `image_undecodable`
 */
export function readJpegHeader(bytes: Uint8Array): JpegHeader {
  const reader = new Reader(bytes, 'jpeg');
  let frame: Frame | undefined;
  let orientation: number | undefined;
  let at = 2;
  for (let segment = 0; segment < MAX_SEGMENTS; segment++) {
    at = afterMarker(reader, at);
    const marker = reader.u8(at - 1);
    if (marker === EOI) throw undecodable('jpeg', 'the file ends before its picture');
    if (marker === TEM || (marker >= RST0 && marker <= SOI)) continue;
    const length = reader.u16(at, false);
    if (length < 2) throw undecodable('jpeg', 'a header segment has no length');
    if (marker === SOS) {
      if (!frame) throw undecodable('jpeg', 'the picture starts before its size is given');
      const fromTheTop = isFromTheTop(frame, reader.u8(at + 2));
      if (!fromTheTop) limitScans(reader, at + length);
      const { width, height } = frame;
      const bufferedBytesPerPixel = isInOneScan(frame, reader.u8(at + 2)) ? 0 : coefficientBytes(frame);
      return { width, height, orientation: orientation ?? 1, bufferedBytesPerPixel, fromTheTop };
    }
    if (isFrame(marker)) {
      if (frame) throw undecodable('jpeg', 'it gives its size twice');
      frame = {
        kind: marker,
        height: reader.u16(at + 3, false),
        width: reader.u16(at + 5, false),
        sampling: Array.from({ length: reader.u8(at + 7) }, (_, i) => samplingOf(reader.u8(at + 9 + 3 * i))),
      };
    } else if (marker === APP1 && orientation === undefined && reader.has(at + 2, 'Exif\0\0')) {
      orientation = exifOrientation(reader.part(at + 2, length - 2));
    }
    at += length;
  }
  throw undecodable('jpeg', 'it has too many header segments');
}

/** The offset after the next marker's code. Stray bytes before a marker are skipped, as decoders do. */
function afterMarker(reader: Reader, from: number): number {
  for (let at = from; at - from < MAX_STRAY_BYTES; at++) {
    at = reader.find(0xff, at);
    while (reader.u8(at) === 0xff) at++;
    if (reader.u8(at) !== 0) return at + 1;
  }
  throw undecodable('jpeg', 'it has too many stray bytes between its header segments');
}

/** Refuses a file with too many scans. Ends where the file or the picture ends. */
function limitScans(reader: Reader, from: number): void {
  let scans = 1;
  for (let at = reader.find(0xff, from); at + 4 <= reader.length; at = reader.find(0xff, at)) {
    const marker = reader.u8(at + 1);
    if (marker === EOI) return;
    if (marker === SOS && ++scans > MAX_SCANS) throw undecodable('jpeg', `it has more than ${MAX_SCANS} scans`);
    // 00 is a stuffed data byte, FF is fill; restart markers have no length. All others start segments.
    if (marker === 0xff) at += 1;
    else if (marker === 0 || (marker >= RST0 && marker < SOI)) at += 2;
    else at += 2 + reader.u16(at + 2, false);
  }
}

function isFrame(marker: number): boolean {
  return marker >= SOF0_BASELINE && marker <= 0xcf && !NOT_FRAMES.has(marker);
}

function isFromTheTop(frame: Frame, componentsInScan: number): boolean {
  return isInOneScan(frame, componentsInScan) && frame.sampling.length <= 3;
}

function isInOneScan({ kind, sampling }: Frame, componentsInScan: number): boolean {
  return (kind === SOF0_BASELINE || kind === SOF1_EXTENDED) && componentsInScan === sampling.length;
}

function samplingOf(factors: number): Frame['sampling'][number] {
  return { h: factors >> 4, v: factors & 15 };
}

/** Of a picture in several scans, libjpeg holds the coefficients of every component: one of 16 bits for each sample. */
function coefficientBytes({ sampling }: Frame): number {
  const most = Math.max(1, ...sampling.map(({ h }) => h)) * Math.max(1, ...sampling.map(({ v }) => v));
  return (2 * sampling.reduce((sum, { h, v }) => sum + h * v, 0)) / most;
}
