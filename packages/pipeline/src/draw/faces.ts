import { MAX_IMAGE_SIDE } from '@facequeue/schema';
import sharp from 'sharp';
import type { DetectedFace, Detection } from '../detection.ts';
import { decode, type RgbImage, readHeader } from '../image/index.ts';
import { type Colour, disc, fill, frame, textWidth, write } from './canvas.ts';
import { GLYPH_HEIGHT } from './glyphs.ts';

const LIMITS = { maxSide: MAX_IMAGE_SIDE, maxPixels: MAX_IMAGE_SIDE * MAX_IMAGE_SIDE };
const LINE: Colour = [255, 196, 0];
const POINT: Colour = [0, 255, 128];
const INK: Colour = [0, 0, 0];

export interface DrawOptions {
  /** Format of the drawing; png by default. */
  format?: 'png' | 'jpeg';
  /** Whether EXIF orientation is applied, as it was for the detection; yes by default. */
  orient?: boolean;
}

/**
 * Draws what was found onto the picture: boxes, 106 points, gender and age (or the confidence, without attributes).
 * @param bytes the encoded image the detection was made of
 * @returns the encoded drawing, as large as the upright picture
 * @throws FacequeueError unsupported_media_type, image_too_large, image_undecodable
 */
export async function drawFaces(
  bytes: Uint8Array,
  detection: Pick<Detection, 'faces'>,
  { format = 'png', orient = true }: DrawOptions = {},
): Promise<Buffer> {
  const header = readHeader(bytes, LIMITS);
  const image = await decode(bytes, header, { orient, limits: LIMITS });
  for (const face of detection.faces) drawFace(image, face);
  const { data, width, height } = image;
  const drawing = sharp(data, { raw: { width, height, channels: 3 } });
  return format === 'png' ? drawing.png().toBuffer() : drawing.jpeg({ quality: 90 }).toBuffer();
}

/** Draws one face onto the pixels, lines and points as thick as its size bears. */
export function drawFace(image: RgbImage, face: DetectedFace): void {
  const { box, landmarks } = face;
  const size = Math.sqrt(box.width * box.height);
  const thickness = Math.max(1, Math.round(size / 100));
  frame(image, box.x, box.y, box.width, box.height, thickness, LINE);
  for (let i = 0; landmarks && i < landmarks.length; i += 2)
    disc(image, landmarks[i]!, landmarks[i + 1]!, Math.max(0.8, size / 140), POINT);

  const label = labelOf(face);
  const magnified = Math.max(1, Math.round(size / 90));
  const height = (GLYPH_HEIGHT + 4) * magnified;
  const top = box.y >= height ? box.y - height : Math.min(box.y + box.height, image.height - height);
  fill(image, box.x, top, textWidth(label, magnified) + 4 * magnified, height, LINE);
  write(image, label, box.x + 2 * magnified, top + 2 * magnified, magnified, INK);
}

function labelOf({ attributes, confidence }: DetectedFace): string {
  if (!attributes) return confidence.toFixed(2);
  return `${attributes.male >= 0.5 ? 'male' : 'female'} ${Math.round(attributes.age)}`;
}
