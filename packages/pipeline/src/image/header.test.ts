import { isFacequeueError } from '@facequeue/schema';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { riffChunk, webpFile } from '../../../../test/support/fixtures/exif.ts';
import {
  bombs,
  exifBlock,
  exifVariants,
  formatVariants,
  oversized,
  photograph,
  textNamedJpg,
  writeBmp,
  zeros,
} from '../../../../test/support/fixtures/index.ts';
import { ihdr, pngChunk } from '../../../../test/support/fixtures/png.ts';
import { readHeader, sniff } from './header.ts';

const limits = { maxSide: 4096, maxPixels: 4096 * 4096 };
const variants = await formatVariants(await photograph('portrait-1.jpg', 101, 67));
const exif = await exifVariants(await photograph('portrait-1.jpg', 40, 30));

/** Reads a header and checks the result or the error against the contract. */
function probe(bytes: Uint8Array): void {
  try {
    const header = readHeader(bytes, limits);
    expect(header.format).toBe(sniff(bytes));
    for (const side of [header.width, header.height]) {
      expect(Number.isInteger(side) && side >= 1 && side <= 4096, `side ${side}`).toBe(true);
    }
    expect([1, 2, 3, 4, 5, 6, 7, 8]).toContain(header.orientation);
  } catch (error) {
    if (!isFacequeueError(error)) throw error;
    expect(['unsupported_media_type', 'image_too_large', 'image_undecodable']).toContain(error.code);
  }
}

describe('a header', () => {
  it('has the format and size of every kind of file', () => {
    for (const { name, format, bytes } of variants)
      expect(readHeader(bytes, limits), name).toEqual({ format, width: 101, height: 67, orientation: 1 });
  });

  it('agrees with what libvips reads, orientation included', async () => {
    for (const { name, bytes, format } of [...variants, ...exif]) {
      // libvips reads no BMP, and of a PNG only what stands before the picture.
      if (format === 'bmp' || name.startsWith('png after')) continue;
      const { width, height, orientation = 1 } = await sharp(bytes).metadata();
      expect(readHeader(bytes, limits), name).toEqual({ format, width, height, orientation });
    }
  });

  it('has the orientation in either byte order, before or after the picture', () => {
    for (const { name, bytes, orientation } of exif)
      expect(readHeader(bytes, limits).orientation, name).toBe(orientation);
  });

  it('is read from the first kilobyte of ordinary files', () => {
    for (const { name, bytes } of variants.filter(({ name }) => /baseline|png|webp|bmp/.test(name)))
      expect(readHeader(bytes.subarray(0, 1000), limits), name).toMatchObject({ width: 101 });
  });
});

describe('an image is refused by its header', () => {
  it('when it is a pixel too long, and accepted when it is not', async () => {
    for (const format of ['jpeg', 'png', 'webp'] as const) {
      expect(readHeader(await oversized(format, 4096), limits)).toMatchObject({ width: 4096 });
      for (const bytes of [await oversized(format), await oversized(format, 16, 4097)]) {
        // The bytes end after the header, so nothing can have been decoded.
        expect(() => readHeader(bytes.subarray(0, 1000), limits)).toThrow(/4097.*4096/);
      }
    }
  });

  it('when it has one pixel more than allowed, and not when it has as many', () => {
    for (const { name, bytes } of variants) {
      expect(readHeader(bytes, { maxSide: 101, maxPixels: 101 * 67 }), name).toMatchObject({ width: 101, height: 67 });
      for (const less of [
        { maxSide: 100, maxPixels: 101 * 67 },
        { maxSide: 101, maxPixels: 101 * 67 - 1 },
      ])
        expect(() => readHeader(bytes, less), name).toThrow(expect.objectContaining({ code: 'image_too_large' }));
    }
  });

  it('when its decoder would need over 300 MB for it at once, with the pixels that there may be of its kind', () => {
    const large = { maxSide: 20_000, maxPixels: 200e6 };
    const segment = (marker: number, ...body: number[]) => [0xff, marker, 0, body.length + 2, ...body];
    const pair = (value: number) => [value >> 8, value & 255];
    const jpeg = (kind: number, scan: number, sampling: number[]) => (width: number, height: number) =>
      Uint8Array.from([
        ...[0xff, 0xd8],
        ...segment(
          0xc0 + kind,
          8,
          ...pair(height),
          ...pair(width),
          sampling.length,
          ...sampling.flatMap((s) => [1, s, 0]),
        ),
        ...segment(0xda, scan, ...Array(scan).fill([1, 0]).flat(), 0, 63, 0),
        ...[0xff, 0xd9],
      ]);
    const png = (depth: number, colourType: number, interlaced: boolean) => (width: number, height: number) =>
      Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ihdr(width, height, depth, colourType, interlaced)]);
    const bmp =
      (bits: number, header = 40) =>
      (width: number, height: number) =>
        writeBmp({ header, width, height, bits, rows: [] });
    const webp =
      (type: string, body: (width: number, height: number) => Uint8Array) => (width: number, height: number) =>
        webpFile(riffChunk(type, body(width, height)));
    const extended = webp('VP8X', (width, height) => {
      const body = Buffer.alloc(10);
      body.writeUIntLE(width - 1, 4, 3);
      body.writeUIntLE(height - 1, 7, 3);
      return body;
    });
    const lossless = webp('VP8L', (width, height) => {
      const body = Buffer.alloc(5);
      body[0] = 0x2f;
      body.writeUInt32LE(((width - 1) | ((height - 1) << 14)) >>> 0, 1);
      return body;
    });
    const lossy = webp('VP8 ', (width, height) =>
      Uint8Array.from([0, 0, 0, 0x9d, 0x01, 0x2a, ...le(width), ...le(height)]),
    );
    const le = (value: number) => [value & 255, value >> 8];
    const [full, half] = [
      [0x11, 0x11, 0x11],
      [0x22, 0x11, 0x11],
    ];
    const kinds: [string, (width: number, height: number) => Uint8Array, bytesPerPixel: number][] = [
      ['sequential JPEG', jpeg(0, 3, full), 0],
      ['sequential CMYK JPEG', jpeg(0, 4, [...full, 0x11]), 0],
      ['JPEG in three scans', jpeg(0, 1, full), 6],
      ['progressive JPEG', jpeg(2, 3, half), 3],
      ['progressive JPEG, 4:4:4', jpeg(2, 3, full), 6],
      ['progressive CMYK JPEG', jpeg(2, 4, [...full, 0x11]), 8],
      ['PNG, 16 bit with alpha', png(16, 6, false), 0],
      ['interlaced PNG', png(8, 2, true), 4],
      ['interlaced PNG, 16 bit with alpha', png(16, 6, true), 8],
      ['interlaced PNG, 1 bit', png(1, 0, true), 2],
      ['lossy WebP', lossy, 0],
      ['lossless WebP', lossless, 4],
      ['WebP with more chunks', extended, 4],
      ['BMP, 24 bit', bmp(24), 6],
      ['BMP of OS/2, 24 bit', bmp(24, 12), 6],
      ['BMP, 32 bit', bmp(32), 8],
    ];
    for (const [name, file, bytesPerPixel] of kinds) {
      const [width, most] = [12_000, bytesPerPixel ? 300e6 / bytesPerPixel : 12_000 * 16_000];
      expect(readHeader(file(width, most / width), large), name).toMatchObject({ width });
      const more = () => readHeader(file(width, most / width + 1), large);
      if (bytesPerPixel)
        expect(more, name).toThrow(
          expect.objectContaining({
            code: 'image_too_large',
            message: expect.stringContaining(`at most ${most} pixels`),
          }),
        );
      else expect(more(), name).toMatchObject({ width });
    }
  });

  it('when a few bytes claim a huge picture', async () => {
    for (const [format, bytes] of Object.entries(await bombs()))
      expect(() => readHeader(bytes, limits), format).toThrow(expect.objectContaining({ code: 'image_too_large' }));
  });

  it('when a side is 0', () => {
    for (const [width, height] of [
      [0, 5],
      [5, 0],
    ] as const) {
      const bytes = writeBmp({ header: 40, width, height, bits: 24, rows: [] });
      expect(() => readHeader(bytes, limits)).toThrow(expect.objectContaining({ code: 'image_undecodable' }));
    }
  });

  it('when its bytes are in none of the formats, whatever its name', () => {
    const headerOfBmp = Buffer.concat([Buffer.alloc(14), Buffer.from([40, 0, 0, 0]), Buffer.alloc(100)]);
    const none = [zeros(0), zeros(1), zeros(5000), textNamedJpg(), Buffer.from('BM and then only text follows')];
    for (const bytes of [...none, headerOfBmp])
      expect(() => readHeader(bytes, limits)).toThrow(expect.objectContaining({ code: 'unsupported_media_type' }));
  });

  it('when the frame header of a WebP file is damaged', () => {
    const damaged = (kind: string, at: number) => {
      const { bytes } = variants.find((one) => Buffer.from(one.bytes).toString('latin1', 12, 16) === kind)!;
      const copy = Buffer.from(bytes);
      copy[at]! ^= 1;
      return copy;
    };
    // Of a lossy one: whether it is a key frame, and the start code. Of a lossless one: the signature.
    for (const bytes of [...[20, 23, 24, 25].map((at) => damaged('VP8 ', at)), damaged('VP8L', 20)])
      expect(() => readHeader(bytes, limits)).toThrow(
        expect.objectContaining({ code: 'image_undecodable', message: expect.stringContaining('frame header') }),
      );
  });

  it('with an error that names the parameter, and the formats there are', async () => {
    const errorOf = (bytes: Uint8Array) => {
      try {
        return readHeader(bytes, limits);
      } catch (error) {
        return error;
      }
    };
    expect(errorOf(zeros(10))).toMatchObject({
      parameter: 'img',
      message: 'the bytes are none of JPEG, PNG, BMP and WebP',
    });
    expect(errorOf(await oversized('png'))).toMatchObject({ code: 'image_too_large', parameter: 'img' });
    expect(errorOf(Buffer.from([0xff, 0xd8, 0xff]))).toMatchObject({ code: 'image_undecodable', parameter: 'img' });
  });
});

describe('hostile bytes', () => {
  const magic = fc.constantFrom(
    [],
    [0xff, 0xd8, 0xff],
    [...Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1')],
    [...Buffer.from('RIFF\0\0\0\0WEBPVP8X', 'latin1')],
    [...Buffer.from('RIFF\0\0\0\0WEBPVP8 ', 'latin1')],
    [...Buffer.from('BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0', 'latin1')],
  );

  it('result in a header or an error of the catalogue', () => {
    fc.assert(
      fc.property(magic, fc.uint8Array({ maxLength: 300 }), (start, rest) => {
        probe(Uint8Array.from([...start, ...rest]));
      }),
      { numRuns: 3000 },
    );
  });

  it('made by truncating and overwriting valid files do too', () => {
    const file = fc.constantFrom(...variants, ...exif);
    const changes = fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 0, max: 255 })), { maxLength: 6 });
    fc.assert(
      fc.property(file, changes, fc.option(fc.nat(400)), ({ bytes }, edits, length) => {
        const copy = Buffer.from(bytes.subarray(0, length ?? bytes.length));
        for (const [at, value] of edits) if (at < copy.length) copy[at] = value;
        probe(copy);
      }),
      { numRuns: 3000 },
    );
  });

  it('are not parsed to their end when they only prolong the header', () => {
    const stuffed = Buffer.alloc(5_000_000, Buffer.from([0xff, 0x00]));
    const restarts = Buffer.alloc(5_000_000, Buffer.from([0xff, 0xd0]));
    for (const body of [stuffed, restarts])
      expect(() => readHeader(Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xd0]), body]), limits)).toThrow(
        /too many/,
      );
  });

  it('are parsed up to a limit of segments, of stray bytes between them, and of scans', () => {
    const segment = (marker: number, ...body: number[]) => [0xff, marker, 0, body.length + 2, ...body];
    const frame = segment(0xc0, 8, 0, 67, 0, 101, 1, 1, 0x11, 0);
    const scan = segment(0xda, 1, 1, 0, 0, 63, 0);
    const file = (...parts: (Uint8Array | number[])[]) => Buffer.concat([[0xff, 0xd8], ...parts].map(Buffer.from));
    const comments = (count: number) => file(Buffer.alloc(4 * count, Buffer.from([0xff, 0xfe, 0, 2])), frame, scan);
    expect(readHeader(comments(4094), limits)).toMatchObject({ width: 101, height: 67 });
    expect(() => readHeader(comments(4095), limits)).toThrow(/too many header segments/);
    const stuffed = (bytes: number) => file(Buffer.alloc(bytes, Buffer.from([0xff, 0])), frame, scan);
    expect(readHeader(stuffed(65_534), limits)).toMatchObject({ width: 101, height: 67 });
    expect(() => readHeader(stuffed(65_536), limits)).toThrow(/too many stray bytes/);
    const progressive = segment(0xc2, 8, 0, 67, 0, 101, 1, 1, 0x11, 0);
    const scans = (count: number) => file(progressive, ...Array<number[]>(count).fill(scan), [0xff, 0xd9]);
    expect(readHeader(scans(100), limits)).toMatchObject({ width: 101, height: 67 });
    expect(() => readHeader(scans(101), limits)).toThrow(/more than 100 scans/);
    // Restart markers, as they stand between the parts of a scan, have no length.
    for (const restart of [0xd0, 0xd7])
      expect(() => readHeader(file(progressive, scan, [0xff, restart], scans(100).subarray(2)), limits)).toThrow(
        /more than 100 scans/,
      );
    // What comes after the end of the picture is not looked at.
    expect(readHeader(Buffer.concat([scans(100), scans(100)]), limits)).toMatchObject({ width: 101 });
  });

  it('have their orientation read from one of the first 65 536 chunks, else it is the usual one', () => {
    const turned = exifBlock(6, 'II');
    const png = (count: number) =>
      Buffer.concat([
        Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
        ihdr(101, 67, 8, 2),
        Buffer.concat(Array<Buffer>(count).fill(pngChunk('tEXt', new Uint8Array()))),
        pngChunk('eXIf', turned),
      ]);
    const extended = Buffer.from([0x08, 0, 0, 0, 100, 0, 0, 66, 0, 0]);
    const webp = (count: number) =>
      webpFile(
        riffChunk('VP8X', extended),
        Buffer.concat(Array<Buffer>(count).fill(riffChunk('XMP ', new Uint8Array()))),
        riffChunk('EXIF', turned),
      );
    // The chunk with the size counts for WebP.
    for (const [file, most] of [
      [png, 65_535],
      [webp, 65_534],
    ] as const) {
      expect(readHeader(file(most), limits)).toMatchObject({ width: 101, height: 67, orientation: 6 });
      expect(readHeader(file(most + 1), limits)).toMatchObject({ width: 101, height: 67, orientation: 1 });
    }
  });
});
