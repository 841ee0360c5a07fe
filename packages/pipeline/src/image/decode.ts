import { Transformer } from '@napi-rs/image';
import sharp from 'sharp';
import { FORMAT_NAMES } from './header.ts';
import { upright } from './orient.ts';
import { undecodable } from './reader.ts';
import type { ImageHeader, ImageLimits, RgbImage } from './types.ts';

sharp.concurrency(1);
sharp.cache(false);
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({ operation: ['VipsForeignLoadJpegBuffer', 'VipsForeignLoadPngBuffer', 'VipsForeignLoadWebpBuffer'] });

export interface DecodeOptions {
  /** Whether EXIF orientation is applied. */
  orient: boolean;
  limits: ImageLimits;
  /** A JPEG may be decoded smaller than stored, its long side no shorter than this, px. */
  minSide?: number;
}

/**
 * Decodes an image whose header has been read.
 * @returns sRGB pixels; `scale` is decoded size / stored size, 1 unless shrunk
 * @throws FacequeueError `image_undecodable`
 */
export async function decode(
  bytes: Uint8Array,
  header: ImageHeader,
  options: DecodeOptions,
): Promise<RgbImage & { scale: number }> {
  const image =
    header.format === 'bmp' ? await decodeBmp(bytes, header) : await decodeWithSharp(bytes, header, options);
  return { ...upright(image, options.orient ? header.orientation : 1), scale: image.width / header.width };
}

async function decodeWithSharp(bytes: Uint8Array, header: ImageHeader, { limits }: DecodeOptions): Promise<RgbImage> {
  try {
    const { data, info } = await sharp(bytes, { limitInputPixels: limits.maxPixels, failOn: 'error' })
      .flatten({ background: '#808080' })
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`${info.channels} channels`);
    return { data, width: info.width, height: info.height };
  } catch (error) {
    throw undecodable(FORMAT_NAMES[header.format], 'its data is damaged or cut short', error);
  }
}

async function decodeBmp(bytes: Uint8Array, header: ImageHeader): Promise<RgbImage> {
  try {
    const transformer = new Transformer(bytes);
    const { colorType } = await transformer.metadata();
    const data = await transformer.rawPixels();
    if (colorType !== 2) throw new Error(`colour type ${colorType}`);
    return { data, width: header.width, height: header.height };
  } catch (error) {
    throw undecodable('BMP', 'its data is damaged or cut short', error);
  }
}
