const ORIENTATION_TAG = 0x0112;
const SHORT = 3;

/**
 * The orientation in the first directory of an EXIF block (TIFF 6.0 structure, EXIF 2.32).
 * @param exif the block from its byte-order mark; a leading `Exif\0\0` is skipped
 * @returns 1..8; 1 for a block that is absent, damaged or out of range: a damaged EXIF block never refuses an image
 */
export function exifOrientation(exif: Uint8Array): number {
  const tiff = startsWithMarker(exif) ? exif.subarray(6) : exif;
  if (tiff.length < 8) return 1;
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  const byteOrder = view.getUint16(0);
  if (byteOrder !== 0x4949 && byteOrder !== 0x4d4d) return 1;
  const little = byteOrder === 0x4949;
  if (view.getUint16(2, little) !== 42) return 1;
  const directory = view.getUint32(4, little);
  if (directory + 2 > tiff.length) return 1;
  const entries = view.getUint16(directory, little);
  for (let i = 0, at = directory + 2; i < entries && at + 12 <= tiff.length; i++, at += 12) {
    if (view.getUint16(at, little) !== ORIENTATION_TAG) continue;
    // A LONG is against the specification, but some writers use it; its value fills the whole field.
    const value =
      view.getUint16(at + 2, little) === SHORT ? view.getUint16(at + 8, little) : view.getUint32(at + 8, little);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

function startsWithMarker(exif: Uint8Array): boolean {
  return exif[0] === 0x45 && exif[1] === 0x78 && exif[2] === 0x69 && exif[3] === 0x66 && exif[4] === 0 && exif[5] === 0;
}
