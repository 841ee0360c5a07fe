import sharp from 'sharp';
import { exifBlock } from '../../../support/fixtures/exif.ts';
import {
  type ExifVariant,
  formatVariants,
  jpegWithExif,
  photograph,
  type Variant,
} from '../../../support/fixtures/index.ts';

export type Format = Variant['format'];

/** A sound image from which hostile ones are made. */
export interface Seed {
  name: string;
  format: Format;
  bytes: Buffer;
}

/** A small photograph in every kind of every format, in some with EXIF, a colour profile, or several pictures. */
export async function seeds(): Promise<Seed[]> {
  const picture = await photograph('portrait-1.jpg', 160, 200);
  const { data, width, height } = picture;
  const image = () => sharp(data, { raw: { width, height, channels: 3 } });
  const jpeg = await image().jpeg({ quality: 70 }).toBuffer();
  const pages = sharp(Buffer.concat([data, data, data]), {
    raw: { width, height: height * 3, channels: 3, pageHeight: height },
  });
  const plain: Pick<Variant | ExifVariant, keyof Seed>[] = await formatVariants(picture);
  return [
    ...plain.map(({ name, format, bytes }) => ({ name, format, bytes })),
    { name: 'jpeg with EXIF', format: 'jpeg', bytes: jpegWithExif(jpeg, exifBlock(6, 'MM')) },
    { name: 'jpeg with a profile', format: 'jpeg', bytes: await image().withIccProfile('p3').jpeg().toBuffer() },
    { name: 'png with a profile', format: 'png', bytes: await image().withIccProfile('p3').png().toBuffer() },
    { name: 'webp with a profile', format: 'webp', bytes: await image().withIccProfile('p3').webp().toBuffer() },
    { name: 'webp animation', format: 'webp', bytes: await pages.webp({ loop: 0, delay: [10, 10, 10] }).toBuffer() },
  ];
}
