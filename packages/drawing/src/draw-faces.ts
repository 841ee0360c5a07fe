import { canvasOf } from './canvas.ts';
import { createLabel, drawLabel, type Label } from './label.ts';
import { drawBox, drawPoints } from './marks.ts';
import { placeLabels } from './place-labels.ts';
import type { DrawableFace, Picture } from './types.ts';

export interface DrawOptions {
  /** Format of the drawing; png by default. */
  format?: 'png' | 'jpeg';
}

/** Part of the range of JPEG qualities; fine lines on a smooth background show artefacts below. */
const JPEG_QUALITY = 92;

/**
 * Draws faces onto a copy of a picture: a box each, the landmarks, and a label with gender and age (or with the confidence,
 * without attributes). Lines, points and text are sized to the face. Labels stay inside the picture and avoid each other.
 * @param picture decoded pixels, upright as the detection saw them
 * @returns the encoded drawing, of the picture's size
 * @example
 * ```ts
 * const drawing = await drawFaces(await decodeImage(bytes), faces, { format: 'jpeg' });
 * ```
 */
export async function drawFaces(
  picture: Picture,
  faces: readonly DrawableFace[],
  { format = 'png' }: DrawOptions = {},
): Promise<Buffer> {
  const canvas = canvasOf(picture);
  const context = canvas.getContext('2d');
  // Small faces last: a large face's box never crosses out a small one in front of it.
  const bySize = faces.toSorted((a, b) => b.box.width * b.box.height - a.box.width * a.box.height);
  for (const face of bySize) {
    drawPoints(context, face);
    drawBox(context, face);
  }
  const labels = bySize.map((face): Label => createLabel(context, face, picture));
  const places = placeLabels(
    labels.map(({ width, height }, i) => ({ width, height, box: bySize[i]!.box })),
    picture,
  );
  for (const [i, label] of labels.entries()) drawLabel(context, label, places[i]!);
  return format === 'png' ? canvas.encode('png') : canvas.encode('jpeg', JPEG_QUALITY);
}
