import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import {
  corrupt,
  exifVariants,
  formatVariants,
  photograph,
  photographBytes,
  truncated,
  writeBmp,
} from '../../../../test/support/fixtures/index.ts';
import { decode, readHeader } from './index.ts';

const limits = { maxSide: 4096, maxPixels: 4096 * 4096 };

async function load(bytes: Uint8Array) {
  return decode(bytes, readHeader(bytes, limits), { orient: true, limits });
}

function undecodable(format: string) {
  return { code: 'image_undecodable', message: expect.stringContaining(format), parameter: 'img' };
}

const without = (bytes: Buffer, tail: number) => bytes.subarray(0, bytes.length - tail);
const END = Buffer.from([0xff, 0xd9]);

describe('a slightly damaged JPEG is read', () => {
  it.each<[string, (whole: Buffer) => Buffer]>([
    ['without its end marker', (whole) => without(whole, 2)],
    ['with half an end marker', (whole) => without(whole, 1)],
    ['without its last 100 bytes', (whole) => without(whole, 100)],
    ['with junk after its end', (whole) => Buffer.concat([whole, Buffer.from('\xff\xd8junk\0\0', 'latin1')])],
    ['padded with zeros instead of ended', (whole) => Buffer.concat([without(whole, 2), Buffer.alloc(5000)])],
    [
      'with a lost packet in the middle',
      (whole) => Buffer.from(whole).fill(0, whole.length >> 1, (whole.length >> 1) + 200),
    ],
  ])('%s', async (_, damage) => {
    const whole = await photographBytes('portrait-1.jpg');
    const { width, height } = await load(damage(whole));
    expect([width, height]).toEqual([910, 1137]);
  });

  it('when at most a sixteenth of its rows is missing', async () => {
    await expect(load(await truncated(0.97))).resolves.toMatchObject({ width: 910 });
    await expect(load(await truncated(0.85))).rejects.toMatchObject(undecodable('JPEG'));
  });

  it('progressive and without its end marker', async () => {
    const whole = await sharp(await photographBytes('portrait-1.jpg'))
      .jpeg({ progressive: true })
      .toBuffer();
    await expect(load(without(whole, 2))).resolves.toMatchObject({ width: 910 });
    await expect(load(without(whole, 40))).rejects.toMatchObject(undecodable('JPEG'));
  });
});

describe('half an image is undecodable', () => {
  it('JPEG, also with an end marker or zeros appended', async () => {
    const half = await truncated();
    for (const bytes of [half, Buffer.concat([half, END]), Buffer.concat([half, Buffer.alloc(9000)])])
      await expect(load(bytes)).rejects.toMatchObject(undecodable('JPEG'));
  });

  it('JPEG on its side', async () => {
    for (const { name, format, bytes } of await exifVariants(await photograph('portrait-1.jpg', 320, 200))) {
      if (format === 'jpeg')
        await expect(load(bytes.subarray(0, bytes.length * 0.6)), name).rejects.toMatchObject(undecodable('JPEG'));
    }
  });

  it('in every other kind of every format', async () => {
    for (const { name, bytes } of await formatVariants(await photograph('portrait-1.jpg', 101, 67)))
      await expect(load(bytes.subarray(0, bytes.length >> 1)), name).rejects.toMatchObject({
        code: 'image_undecodable',
      });
  });

  it('PNG with damaged data', async () => {
    await expect(load(await corrupt())).rejects.toMatchObject(undecodable('PNG'));
  });
});

it('a complete picture whose lower half is mid-grey is not mistaken for a truncated one', async () => {
  const { data, width, height } = await photograph('portrait-1.jpg', 320, 200);
  data.fill(128, data.length / 2);
  const bytes = await sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg()
    .toBuffer();
  await expect(load(bytes)).resolves.toMatchObject({ width, height });
  await expect(load(without(bytes, 2))).resolves.toMatchObject({ width, height });
});

it('a progressive JPEG of hundreds of scans, each as expensive as the picture, is refused by its header', async () => {
  const whole = await sharp(await photographBytes('portrait-1.jpg'))
    .jpeg({ progressive: true })
    .toBuffer();
  const lastScan = whole.subarray(whole.lastIndexOf(Buffer.from([0xff, 0xda])), whole.length - 2);
  const scans = Buffer.concat([without(whole, 2), ...Array<Buffer>(100).fill(lastScan), END]);
  expect(() => readHeader(scans, limits)).toThrow(/scans/);
});

it('an OS/2 bitmap in an obsolete compression is refused, not misread', async () => {
  for (const [compression, bits] of [
    [3, 1],
    [4, 24],
  ] as const) {
    const bytes = writeBmp({ header: 64, width: 8, height: 8, bits, compression, stream: new Uint8Array(192) });
    await expect(load(bytes)).rejects.toMatchObject(undecodable('BMP'));
  }
});

it('the public text names the format and no internals', async () => {
  const error = await load(await corrupt()).catch((reason: Error) => reason);
  expect((error as Error).message).toBe('the PNG image cannot be decoded: its data is damaged or cut short');
});
