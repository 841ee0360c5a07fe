/** The pictures of the bench. All but the empty one have faces on a photograph without faces, so that decoding costs what a photograph costs. */
import sharp from 'sharp';
import { photograph, type Scene, scene } from '../../test/support/fixtures/index.ts';
import type { Box } from './same-faces.ts';

const SIZES = {
  '640': { width: 640, height: 480 },
  '1080p': { width: 1920, height: 1080 },
  '4096': { width: 4096, height: 2304 },
} as const;

const SPECIFICATIONS = {
  '1080p-1': { size: '1080p', faces: 1, format: 'jpeg' },
  '1080p-4': { size: '1080p', faces: 4, format: 'jpeg' },
  '1080p-14': { size: '1080p', faces: 14, format: 'jpeg' },
  '1080p-100': { size: '1080p', faces: 100, format: 'jpeg' },
  '640-1': { size: '640', faces: 1, format: 'jpeg' },
  '4096-1': { size: '4096', faces: 1, format: 'jpeg' },
  empty: { size: '1080p', faces: 0, format: 'jpeg' },
  png: { size: '1080p', faces: 1, format: 'png' },
  webp: { size: '1080p', faces: 1, format: 'webp' },
} as const;

export type PictureName = keyof typeof SPECIFICATIONS;
export const PICTURES = Object.keys(SPECIFICATIONS) as PictureName[];

/** The picture of most tables. */
export const USUAL: PictureName = '1080p-1';

export interface Picture {
  name: PictureName;
  bytes: Uint8Array;
  /** For the reader: size, format, faces, bytes. */
  description: string;
  contentType: string;
  width: number;
  height: number;
  /** Where the faces are, px. */
  faces: Box[];
}

/** Makes a picture of the bench. */
export async function pictureOf(name: PictureName): Promise<Picture> {
  const { size, faces: count, format } = SPECIFICATIONS[name];
  const { width, height } = SIZES[size];
  const { bytes, boxes } = await (count === 0
    ? withoutFaces(width, height)
    : scene({ faces: count, width, height, background: 'coffee', format }));
  const contents = count === 0 ? 'no face' : count === 1 ? 'one face' : `${count} faces`;
  const kB = Math.round(bytes.length / 1000);
  const description = `${width} x ${height} ${format.toUpperCase()} of ${kB} kB, ${contents}`;
  const contentType = `image/${format}`;
  return { name, bytes: new Uint8Array(bytes), description, contentType, width, height, faces: boxes };
}

async function withoutFaces(width: number, height: number): Promise<Pick<Scene, 'bytes' | 'boxes'>> {
  const { data } = await photograph('no-face-coffee.png', width, height);
  const image = sharp(data, { raw: { width, height, channels: 3 } });
  return { bytes: await image.jpeg({ quality: 92 }).toBuffer(), boxes: [] };
}
