/**
 * Decodes JPEGs with libjpeg-turbo itself, in a third of the CPU time that libvips takes for it: no threads are woken, and the pixels are
 * written where the caller wants them.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Allocate, RgbImage, Size } from './types.ts';

/** Constants of TurboJPEG 3, by their names in turbojpeg.h. */
const TJINIT_DECOMPRESS = 1;
const TJPF_RGB = 0;
const TJPARAM = {
  stopOnWarning: 0,
  width: 5,
  height: 6,
  scanLimit: 13,
  arithmetic: 14,
  lossless: 15,
  maxPixels: 24,
  saveMarkers: 25,
} as const;

type Handle = unknown;

/** The functions of libturbojpeg that are used here. `set`, `readHeader` and `decode` return 0 on success; `init` returns null on failure. */
interface TurboJpeg {
  init(kind: number): Handle | null;
  destroy(handle: Handle): void;
  set(handle: Handle, parameter: number, value: number): number;
  get(handle: Handle, parameter: number): number;
  readHeader(handle: Handle, bytes: Uint8Array, length: number): number;
  decode(handle: Handle, bytes: Uint8Array, length: number, pixels: Uint8Array, pitch: number, format: number): number;
}

const library = await load();

/** Whether this platform has libturbojpeg. */
export const HAS_TURBO_JPEG = library !== null;

/**
 * Decodes an undamaged JPEG: grey or colour, 8 bit, Huffman-coded. Its pixels are those that sharp decodes, bit for bit: the exact
 * inverse transform, and colours enlarged smoothly.
 * @param size what the file's header says. Nothing is decoded when libjpeg-turbo reads another one from it
 * @param maxScans a file with more is refused
 * @param allocate called once the file's header shows that it is such a JPEG
 * @returns null for every other JPEG, and for one with any damage
 * @throws RangeError when `allocate` gives memory of another size, and what `allocate` throws
 */
export function decodeTurbo(bytes: Uint8Array, size: Size, maxScans: number, allocate: Allocate): RgbImage | null {
  if (!library) return null;
  // A new one for each file: tables that one file defines would stay for the next, which may define none.
  const handle = library.init(TJINIT_DECOMPRESS);
  if (handle === null) return null;
  try {
    const { width, height } = size;
    const limits = [
      [TJPARAM.stopOnWarning, 1],
      [TJPARAM.saveMarkers, 0],
      [TJPARAM.scanLimit, maxScans],
      [TJPARAM.maxPixels, width * height],
    ] as const;
    for (const [parameter, value] of limits) if (library.set(handle, parameter, value) !== 0) return null;
    if (library.readHeader(handle, bytes, bytes.length) !== 0) return null;
    const value = (parameter: number) => library.get(handle, parameter);
    if (value(TJPARAM.width) !== width || value(TJPARAM.height) !== height) return null;
    // libjpeg-turbo itself refuses to convert CMYK to RGB, which takes a colour profile, and 12 bits to 8.
    if (value(TJPARAM.arithmetic) !== 0 || value(TJPARAM.lossless) !== 0) return null;
    const image = allocate({ width, height });
    const { data } = image;
    // libjpeg-turbo writes this many bytes, however large the array is.
    if (data.length !== width * height * 3)
      throw new RangeError(`room for ${data.length} bytes of ${width} x ${height} px`);
    return library.decode(handle, bytes, bytes.length, data, width * 3, TJPF_RGB) === 0 ? image : null;
  } finally {
    library.destroy(handle);
  }
}

/**
 * Loads the library from the package that ships it prebuilt for Linux with glibc (x64, ARM) and with musl (x64). That package's own binding
 * is not used: it decodes only with the fast, inexact inverse transform, which darkens pictures by one step in 256.
 * @returns null where there is none
 */
async function load(): Promise<TurboJpeg | null> {
  try {
    const { default: koffi } = await import('koffi');
    const folder = dirname(createRequire(import.meta.url).resolve('@julusian/jpeg-turbo/package.json'));
    const name = `jpeg-turbo-${process.platform}-${process.arch}`;
    const files = [name, `${name}-musl`].map((one) => join(folder, 'prebuilds', one, 'libturbojpeg.so.0'));
    for (const file of files.filter((one) => existsSync(one))) {
      try {
        return bind(koffi.load(file));
      } catch {
        // Made for the other C library.
      }
    }
  } catch {
    // `koffi` is optional: it is not made for every platform.
  }
  return null;
}

function bind(library: { func(prototype: string): unknown }): TurboJpeg {
  const one = <Name extends keyof TurboJpeg>(prototype: string) => library.func(prototype) as TurboJpeg[Name];
  return {
    init: one<'init'>('void *tj3Init(int kind)'),
    destroy: one<'destroy'>('void tj3Destroy(void *handle)'),
    set: one<'set'>('int tj3Set(void *handle, int parameter, int value)'),
    get: one<'get'>('int tj3Get(void *handle, int parameter)'),
    readHeader: one<'readHeader'>('int tj3DecompressHeader(void *handle, const uint8_t *bytes, size_t length)'),
    decode: one<'decode'>(
      'int tj3Decompress8(void *handle, const uint8_t *bytes, size_t length, uint8_t *pixels, int pitch, int format)',
    ),
  };
}
