import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import sharp, { type JpegOptions } from 'sharp';
import { describe, expect, it } from 'vitest';
import { hostileImages } from '../../../../test/security/corpus/images/index.ts';
import { formatVariants, photograph } from '../../../../test/support/fixtures/index.ts';
import { markerAt } from '../../../../test/support/fixtures/jpeg.ts';
import { decodeImage, type RgbImage, readHeader, type Size } from './index.ts';
import { decodeDamaged, decodeJpeg } from './jpeg-decoder.ts';
import { MAX_SCANS } from './jpeg-header.ts';
import { decodeTurbo, HAS_TURBO_JPEG } from './turbo-jpeg.ts';

const limits = { maxSide: 4096, maxPixels: 4e6 };
const SIDES = [1, 2, 3, 7, 8, 9, 15, 16, 17, 33];
/** 8 x 8 px, as libjpeg-turbo writes them with `TJPARAM_ARITHMETIC` and with `TJPARAM_LOSSLESS`. */
const ARITHMETIC =
  '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBT/yQARCAAIAAgDAREAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIRAxEAPwD/ALxoKngxhifsbkkOOkD/2Q==';
const LOSSLESS =
  '/9j/7gAOQWRvYmUAZAAAAAAA/8MAEQgACAAIA1IRAEcRAEIRAP/EABcAAQEBAQAAAAAAAAAAAAAAAAIFBwj/2gAMA1IARwBCAAEAAOf8AwFtttttttttt2LFhtttttttttt2LFhtttttttttt2LFhtttttttttt2LFhtttttttttt2LFhtttttttttt2LFhtttttttttt2LFhtttttttttt//9k=';
const END = Buffer.from([0xff, 0xd9]);

const plain = ({ width, height }: Size): RgbImage => ({ data: new Uint8Array(width * height * 3), width, height });
const turbo = (bytes: Uint8Array, allocate = plain) =>
  decodeTurbo(bytes, readHeader(bytes, limits), MAX_SCANS, allocate);

/** How each of two decoders takes a file: the digest of its pixels, or the text of its error. */
async function outcome(bytes: Uint8Array, by: typeof decodeJpeg): Promise<string> {
  try {
    const header = readHeader(bytes, limits);
    const { orientation } = header;
    const { data, width, height } = await by({ bytes, header, limits, orientation, allocate: plain });
    return `${width} x ${height}: ${createHash('sha256').update(data).digest('hex')}`;
  } catch (error) {
    return (error as Error).message;
  }
}

const portrait = await photograph('portrait-1.jpg', 101, 67);
const encode = (options: JpegOptions, { data, width, height } = portrait) =>
  sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg(options)
    .toBuffer();
const withByte = (bytes: Buffer, at: number, value: number) => {
  const copy = Buffer.from(bytes);
  copy[at] = value;
  return copy;
};

it('the library is at hand where it is installed ready-made', ({ skip }) => {
  skip(
    process.platform !== 'linux' || process.arch !== 'x64',
    'no library for this platform, or not for every C library',
  );
  expect(HAS_TURBO_JPEG).toBe(true);
});

describe.runIf(HAS_TURBO_JPEG)('libjpeg-turbo', () => {
  it('decodes every ordinary kind of JPEG in every size to the pixels that sharp decodes, bit for bit', async () => {
    const whole = await photograph('portrait-1.jpg', 40, 40);
    const image = () => sharp(whole.data, { raw: { width: 40, height: 40, channels: 3 } });
    for (const [i, width] of SIDES.entries()) {
      const height = SIDES.at(-i)!;
      const cut = () => image().extract({ left: 3, top: 5, width, height });
      for (const quality of [40, 90, 100])
        for (const progressive of [false, true])
          for (const kind of ['4:4:4', '4:2:0', 'grey']) {
            const chromaSubsampling = kind === 'grey' ? '4:4:4' : kind;
            const options = { quality, progressive, chromaSubsampling, optimiseCoding: quality === 90 };
            const bytes = await (kind === 'grey' ? cut().greyscale() : cut()).jpeg(options).toBuffer();
            const name = `${width} x ${height}, ${kind}, quality ${quality}${progressive ? ', progressive' : ''}`;
            expect(turbo(bytes), name).not.toBeNull();
            expect(await outcome(bytes, decodeJpeg), name).toBe(await outcome(bytes, decodeDamaged));
          }
    }
  });

  it('decodes into the memory that it is given', async () => {
    const memory = new Uint8Array(101 * 67 * 3 + 200).fill(7);
    const data = memory.subarray(100, -100);
    const image = turbo(await encode({}), (size) => ({ ...size, data }));
    expect(image!.data).toBe(data);
    expect(Buffer.compare(data, (await decodeDamaged(await inputOf(await encode({})))).data)).toBe(0);
    for (const edge of [memory.subarray(0, 100), memory.subarray(-100)]) expect(new Set(edge)).toEqual(new Set([7]));
  });

  it('writes nothing into memory that is too small', async () => {
    const memory = new Uint8Array(101 * 67 * 3).fill(7);
    const bytes = await encode({});
    const smaller = (size: Size) => ({ ...size, data: memory.subarray(1) });
    expect(() => turbo(bytes, smaller)).toThrow('room for 20300 bytes of 101 x 67 px');
    expect(new Set(memory)).toEqual(new Set([7]));
  });

  it('allocates nothing for a picture of another size than the header says', async () => {
    const bytes = await encode({});
    const noMemory = () => expect.unreachable('memory was allocated');
    for (const size of [
      { width: 100, height: 67 },
      { width: 101, height: 66 },
      { width: 1010, height: 670 },
    ])
      expect(decodeTurbo(bytes, size, MAX_SCANS, noMemory)).toBeNull();
  });

  it('leaves to sharp what has another reading, or the least damage', async () => {
    const ordinary = await encode({ chromaSubsampling: '4:4:4' });
    expect(turbo(ordinary)).not.toBeNull();
    const scan = markerAt(ordinary, 0xda);
    const cases = {
      'without an end': ordinary.subarray(0, -2),
      'cut short': Buffer.concat([ordinary.subarray(0, -200), END]),
      'with junk in a scan': withByte(ordinary, scan + 400, 0xff),
      'arithmetic coding': Buffer.from(ARITHMETIC, 'base64'),
      lossless: Buffer.from(LOSSLESS, 'base64'),
      '12 bit': withByte(withByte(ordinary, markerAt(ordinary, 0xc0) + 1, 0xc1), markerAt(ordinary, 0xc0) + 4, 12),
    };
    for (const [name, bytes] of Object.entries(cases)) expect(turbo(bytes), name).toBeNull();
    for (const name of ['arithmetic coding', 'lossless'] as const)
      await expect(decodeImage(cases[name]), name).resolves.toMatchObject({ width: 8, height: 8 });
    for (const { name, bytes } of await formatVariants(portrait))
      if (/cmyk|ycck/.test(name)) expect(turbo(bytes), name).toBeNull();
  });

  it('gives up a progressive file at the scan after the most', async () => {
    const whole = await encode({ progressive: true });
    const scans = whole.toString('latin1').split('\xff\xda').length - 1;
    const size = { width: 101, height: 67 };
    expect(scans).toBeGreaterThan(5);
    expect(decodeTurbo(whole, size, scans, plain)).not.toBeNull();
    expect(decodeTurbo(whole, size, scans - 1, plain)).toBeNull();
  });

  it('does not use the tables of one file for the next', async () => {
    const whole = await encode({ quality: 95 });
    let without = whole;
    for (let at = markerAt(whole, 0xdb); at > 0; at = markerAt(without, 0xdb))
      without = Buffer.concat([without.subarray(0, at), without.subarray(at + 2 + without.readUInt16BE(at + 2))]);
    expect(markerAt(without, 0xdb)).toBe(-1);
    expect(turbo(whole)).not.toBeNull();
    expect(turbo(without)).toBeNull();
    await expect(decodeImage(without)).rejects.toMatchObject({ code: 'image_undecodable' });
  });
});

async function inputOf(bytes: Uint8Array) {
  return { bytes, header: readHeader(bytes, limits), limits, orientation: 1, allocate: plain };
}

it('takes hostile JPEGs as sharp alone does: the same are refused, others have the same pixels', async () => {
  let both = 0;
  for await (const { name, bytes } of hostileImages(500, 11)) {
    if (!name.includes(': jpeg')) continue;
    const expected = await outcome(bytes, decodeDamaged);
    expect(await outcome(bytes, decodeJpeg), name).toBe(expected);
    both += Number(expected.includes(' x '));
  }
  expect(both).toBeGreaterThan(20);
}, 60_000);

it('JPEGs are decoded to the same pixels where the library is missing', async () => {
  const file = new URL('../../../../test/images/portrait-1.jpg', import.meta.url);
  const script = `
    import { registerHooks } from 'node:module';
    registerHooks({ resolve(name, context, next) { if (name === 'koffi') throw new Error('not installed'); return next(name, context); } });
    const { HAS_TURBO_JPEG } = await import('${new URL('turbo-jpeg.ts', import.meta.url)}');
    const { decodeImage } = await import('${new URL('index.ts', import.meta.url)}');
    const { data } = await decodeImage((await import('node:fs')).readFileSync(new URL('${file}')));
    console.log(HAS_TURBO_JPEG, (await import('node:crypto')).createHash('sha256').update(data).digest('hex'));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  const { data } = await decodeImage(readFileSync(file));
  expect(stdout).toBe(`false ${createHash('sha256').update(data).digest('hex')}\n`);
});
