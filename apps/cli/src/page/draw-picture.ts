import { drawThumbnail } from '@facequeue/drawing';
import { decodeImage } from '@facequeue/pipeline';
import type { Picture } from './picture.ts';

/** A JPEG and its size, px. */
export interface Drawn {
  bytes: Buffer;
  width: number;
  height: number;
}

/** Longest sides of the thumbnail and of the close-ups, px. */
const THUMBNAIL = 520;
const CLOSE_UP = 128;
const MAX_CLOSE_UPS = 8;
/** The most that settings admit: whoever gave the answers has accepted the image. */
const LIMITS = { maxSide: 16_384, maxPixels: 200e6 };

/**
 * A thumbnail of the image with its boxes, and some close-ups.
 * @throws FacequeueError of the image
 */
export async function drawPicture(bytes: Uint8Array, { marks, closeUps }: Picture): Promise<Drawn[]> {
  const pixels = await decodeImage(bytes, { limits: LIMITS });
  const drawn = [await drawThumbnail(pixels, marks, { side: THUMBNAIL })];
  for (const part of closeUps.slice(0, MAX_CLOSE_UPS))
    drawn.push(await drawThumbnail(pixels, marks, { side: CLOSE_UP, part }));
  return drawn;
}
