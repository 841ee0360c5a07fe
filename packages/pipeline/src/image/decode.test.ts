import fc from 'fast-check';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  deviation,
  type ExifVariant,
  exifVariants,
  formatVariants,
  oversized,
  type Picture,
  photograph,
  photographBytes,
  type Variant,
  writeBmp,
} from '../../../../test/support/fixtures/index.ts';
import { Arena, type Orientation, Pixels } from '../pixels/index.ts';
import { decode, readHeader, type Size } from './index.ts';
import { HAS_TURBO_JPEG } from './turbo-jpeg.ts';

const limits = { maxSide: 4096, maxPixels: 4096 * 4096 };

/** Odd sizes, so that rows need padding and interlacing has short passes. */
let source: Picture;
let variants: Variant[];
let exif: ExifVariant[];

beforeAll(async () => {
  source = await photograph('portrait-1.jpg', 101, 67);
  variants = await formatVariants(source);
  exif = await exifVariants(source);
});

function load(bytes: Uint8Array, orient = true) {
  return decode(bytes, readHeader(bytes, limits), { orient, limits });
}

function expectPixels(decoded: Picture, { name, pixels, tolerance }: Variant) {
  expect([decoded.width, decoded.height, decoded.data.length], name).toEqual([
    pixels.width,
    pixels.height,
    pixels.width * pixels.height * 3,
  ]);
  const { max, mean } = deviation(decoded, pixels);
  expect(max, `${name}: worst sample`).toBeLessThanOrEqual(tolerance.max);
  expect(mean, `${name}: on average`).toBeLessThanOrEqual(tolerance.mean);
}

describe('the same picture', () => {
  it.each(['jpeg', 'png', 'webp', 'bmp'] as const)('looks the same in every kind of %s', async (format) => {
    const kinds = variants.filter((variant) => variant.format === format);
    expect(kinds.length).toBeGreaterThan(4);
    for (const variant of kinds) expectPixels(await load(variant.bytes), variant);
  });

  it('is upright under every EXIF orientation, in every format and byte order', async () => {
    expect(new Set(exif.map((variant) => variant.orientation)).size).toBe(8);
    for (const variant of exif) expectPixels(await load(variant.bytes), variant);
  });

  it('stays as stored when orientation is not applied', async () => {
    for (const { bytes, orientation, name } of exif) {
      const { width, height } = await load(bytes, false);
      expect([width, height], name).toEqual(orientation >= 5 ? [67, 101] : [101, 67]);
    }
  });

  it('is white where it is transparent', async () => {
    const clear = variants.find(({ name }) => name === 'png true colour with alpha 8 bit')!;
    const { data, width } = await load(clear.bytes);
    expect([...data.subarray((width - 1) * 3, width * 3)]).toEqual([255, 255, 255]);
  });

  it('is opaque in a bitmap whose alpha is 0 throughout', async () => {
    const variant = variants.find(({ name }) => name === 'bmp V5 32 bit with alpha 0')!;
    expectPixels(await load(variant.bytes), { ...variant, pixels: source });
  });
});

describe('a large JPEG', () => {
  it('is shrunk to the requested side', async () => {
    const bytes = await photographBytes('portrait-2.jpg');
    const header = readHeader(bytes, limits);
    const small = await decode(bytes, header, { orient: true, limits, minSide: 551 });
    expect([small.width, small.height]).toEqual([243, 551]);
    const whole = await photograph('portrait-2.jpg', 243, 551);
    expect(deviation(small, whole).mean).toBeLessThan(3);
  });

  it('is shrunk upright', async () => {
    const turned = exif.find(({ name }) => name === 'jpeg MM orientation 6')!;
    const header = readHeader(turned.bytes, limits);
    const small = await decode(turned.bytes, header, { orient: true, limits, minSide: 30 });
    expect([small.width, small.height]).toEqual([30, 20]);
    expect(deviation(small, await photograph('portrait-1.jpg', 30, 20)).mean).toBeLessThan(12);
  });

  it('is decoded whole when there is little to shrink', async () => {
    const bytes = await photographBytes('portrait-2.jpg');
    const { width, height } = await decode(bytes, readHeader(bytes, limits), {
      orient: true,
      limits,
      minSide: 735,
    });
    expect([width, height]).toEqual([970, 2204]);
  });

  it('is never shrunk to nothing, however long and thin', async () => {
    const bytes = await oversized('jpeg', 4096, 1);
    const { width, height } = await decode(bytes, readHeader(bytes, limits), { orient: true, limits, minSide: 64 });
    expect([width, height]).toEqual([64, 1]);
  });
});

describe('an image with a longer side than asked for', () => {
  it.each(['jpeg', 'png', 'webp', 'bmp'] as const)('is decoded smaller in every kind of %s', async (format) => {
    for (const { name, bytes, pixels, tolerance } of variants.filter((variant) => variant.format === format)) {
      const small = await decode(bytes, readHeader(bytes, limits), { orient: true, limits, maxSide: 60 });
      expect([small.width, small.height, small.data.length], name).toEqual([60, 40, 7200]);
      const { data } = await sharp(pixels.data, { raw: { width: 101, height: 67, channels: 3 } })
        .resize(60, 40, { fit: 'fill', kernel: 'linear' })
        .raw()
        .toBuffer({ resolveWithObject: true });
      // Turning colours to RGB and making them smaller do not commute: transparent and coloured borders differ a little.
      const { mean } = deviation(small, { data, width: 60, height: 40 });
      expect(mean, name).toBeLessThan(tolerance.mean + 2);
    }
  });

  it('is upright under every EXIF orientation, in every format', async () => {
    const upright = await photograph('portrait-1.jpg', 60, 40);
    for (const { bytes, name } of exif) {
      const small = await decode(bytes, readHeader(bytes, limits), { orient: true, limits, maxSide: 60 });
      expect([small.width, small.height], name).toEqual([60, 40]);
      expect(deviation(small, upright).mean, name).toBeLessThan(12);
    }
  });

  it('has that side, and the shape of the whole one to half a pixel; others stay as they are', async () => {
    const side = fc.integer({ min: 1, max: 400 });
    await fc.assert(
      fc.asyncProperty(
        side,
        side,
        side,
        fc.constantFrom('jpeg', 'png', 'webp'),
        async (width, height, most, format) => {
          const bytes = await oversized(format as 'png', width, height);
          const small = await decode(bytes, readHeader(bytes, limits), { orient: true, limits, maxSide: most });
          const longest = Math.max(width, height);
          const scale = Math.min(1, most / longest);
          expect(Math.max(small.width, small.height)).toBe(Math.min(longest, most));
          expect(Math.abs(small.width - Math.max(1, width * scale))).toBeLessThanOrEqual(0.5);
          expect(Math.abs(small.height - Math.max(1, height * scale))).toBeLessThanOrEqual(0.5);
          expect(small.data.length).toBe(small.width * small.height * 3);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is held against limits of pixels by its own size, not by that which it is decoded to', async () => {
    const { bytes } = variants.find(({ name }) => name === 'png true colour 8 bit')!;
    const header = { ...readHeader(bytes, limits), width: 10, height: 10 };
    const few = { maxSide: 100, maxPixels: 101 * 67 - 1 };
    await expect(decode(bytes, header, { orient: true, limits: few, maxSide: 5 })).rejects.toMatchObject({
      code: 'image_undecodable',
      cause: expect.objectContaining({ message: expect.stringContaining('pixel limit') }),
    });
  });
});

describe('the memory that is allocated for an image', () => {
  const size = 101 * 67 * 3;

  it('gets the upright pixels of every kind of file', async () => {
    for (const { name, bytes, ...variant } of [...variants, ...exif]) {
      const memory = new Uint8Array(size);
      const allocate = ({ width, height }: Size) => ({ data: memory, width, height, own: true });
      const decoded = await decode(bytes, readHeader(bytes, limits), { orient: true, limits, allocate });
      expect(decoded, name).toMatchObject({ own: true });
      expect(decoded.data, name).toBe(memory);
      expectPixels(decoded, { name, bytes, ...variant });
    }
  });

  it('gets JPEGs that are turned there, under every EXIF orientation', async () => {
    const turned: number[] = [];
    for (const variant of exif.filter(({ format }) => format === 'jpeg')) {
      const { bytes, orientation, name } = variant;
      const allocated: unknown[] = [];
      const allocate = ({ width, height }: Size) => {
        const pixels = new Arena('plain').pixels({ width, height });
        allocated.push(pixels);
        return pixels;
      };
      const makeUpright = (stored: Pixels, to: number) => {
        turned.push(to);
        expect(stored, name).toBe(allocated[0]);
        return stored.turned(to as Orientation);
      };
      const decoded = await decode(bytes, readHeader(bytes, limits), { orient: true, limits, allocate, makeUpright });
      expect(allocated, name).toHaveLength(1);
      expect(decoded, name).toBeInstanceOf(Pixels);
      expectPixels(decoded, variant);
      expect(
        deviation(decoded, await decode(bytes, readHeader(bytes, limits), { orient: true, limits })).max,
        name,
      ).toBe(0);
      expect(turned.includes(orientation)).toBe(orientation !== 1 && HAS_TURBO_JPEG);
    }
  });

  it('is allocated again for another size only', async () => {
    const whole = variants.find(({ name }) => name === 'jpeg baseline 4:2:0')!.bytes;
    const made: Size[] = [];
    const allocate = ({ width, height }: Size) => {
      made.push({ width, height });
      return { data: new Uint8Array(width * height * 3), width, height };
    };
    // Damaged: the quick decoder gives up, and the next one writes to the same memory.
    const bytes = whole.subarray(0, -2);
    expectPixels(await decode(bytes, readHeader(bytes, limits), { orient: true, limits, allocate }), {
      ...variants.find(({ name }) => name === 'jpeg baseline 4:2:0')!,
    });
    expect(made).toEqual([{ width: 101, height: 67 }]);
  });

  it.each(['png', 'webp', 'bmp'] as const)('leaves nothing else of a %s in memory', async (format) => {
    const side = 2000;
    const bytes =
      format === 'bmp'
        ? writeBmp({ header: 40, width: side, height: side, bits: 32, rows: rows(side) })
        : await oversized(format, side, side);
    const data = new Uint8Array(side * side * 3);
    const allocate = (of: Size) => ({ ...of, data });
    const before = process.memoryUsage().external;
    await decode(bytes, readHeader(bytes, limits), { orient: true, limits, allocate });
    expect((process.memoryUsage().external - before) / data.length).toBeLessThan(0.5);
  });
});

/** Of a bitmap of 32 bits. */
const rows = (side: number) => Array.from({ length: side }, () => new Uint8Array(side * 4));

it('an image that contradicts its header is refused', async () => {
  const { bytes } = variants.find(({ name }) => name === 'png true colour 8 bit')!;
  const header = { ...readHeader(bytes, limits), width: 100 };
  await expect(decode(bytes, header, { orient: true, limits })).rejects.toMatchObject({
    code: 'image_undecodable',
    message: expect.stringContaining('PNG'),
  });
});

it('an image with more pixels than its header says is refused before they are decoded', async () => {
  for (const name of ['jpeg baseline', 'png true colour 8 bit']) {
    const { bytes } = variants.find((variant) => variant.name.startsWith(name))!;
    const header = { ...readHeader(bytes, limits), width: 10, height: 10 };
    const few = { maxSide: 100, maxPixels: 101 * 67 - 1 };
    await expect(decode(bytes, header, { orient: true, limits: few }), name).rejects.toMatchObject({
      code: 'image_undecodable',
      cause: expect.objectContaining({ message: expect.stringContaining('pixel limit') }),
    });
  }
});

it('an image is decoded on one thread, and nothing is kept of it', async () => {
  await load(variants.find(({ format }) => format === 'jpeg')!.bytes);
  expect(sharp.concurrency()).toBe(1);
  expect(sharp.cache()).toMatchObject({ memory: { max: 0 }, files: { max: 0 }, items: { max: 0 } });
});

it('no decoder other than those of the accepted formats can be reached', async () => {
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"></svg>');
  const gif = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');
  for (const bytes of [svg, gif]) {
    const header = { format: 'png', width: 1, height: 1, orientation: 1 } as const;
    await expect(decode(bytes, header, { orient: true, limits })).rejects.toMatchObject({
      code: 'image_undecodable',
      cause: expect.objectContaining({ message: expect.stringContaining('unsupported image format') }),
    });
  }
});
