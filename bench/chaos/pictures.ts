/** The pictures that clients send. */
import {
  PHOTOGRAPHS,
  type PhotographName,
  photographBytes,
  scene,
  truncated,
} from '../../test/support/fixtures/index.ts';

/** px: one face nearly fills it. */
const SIDE = 96;
const COUNT = 20;

/** Small pictures with one face each, and one that is truncated. */
export async function tinyPictures(): Promise<Uint8Array[]> {
  const scenes = await Promise.all(
    Array.from({ length: COUNT }, (_, i) => scene({ faces: 1, width: SIDE + 2 * i, height: SIDE })),
  );
  const broken = scenes[0]!.bytes;
  return [...scenes.map(({ bytes }) => new Uint8Array(bytes)), new Uint8Array(broken.subarray(0, broken.length >> 1))];
}

/** Photographs as cameras take them, pictures of several faces, and one that is truncated. */
export async function photographs(): Promise<Uint8Array[]> {
  const photos = await Promise.all((Object.keys(PHOTOGRAPHS) as PhotographName[]).map(photographBytes));
  const crowds = await Promise.all([1, 4, 14].map((faces) => scene({ faces, background: 'coffee' })));
  return [...photos, ...crowds.map(({ bytes }) => bytes), await truncated()].map((bytes) => new Uint8Array(bytes));
}
