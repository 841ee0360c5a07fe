import type { Searched } from '@facequeue/schema';
import type { Search } from './search.ts';

/**
 * The public form of what was searched, in px of the original image.
 * @param scale px of the original per px of the decoded image, to which the scales of passes refer
 * @param smallestFace the size, px of a pass, from which it finds faces reliably
 * @param minFaceSize of the call, px of the original
 */
export function searchedBy(
  { scales, rotation }: Pick<Search, 'scales' | 'rotation'>,
  scale: number,
  { smallestFace, minFaceSize, leftOut }: { smallestFace: number; minFaceSize: number; leftOut: number },
): Searched {
  return {
    smallest_face_px: Math.max((smallestFace * scale) / Math.max(...scales), minFaceSize),
    scales: scales.map((one) => one / scale),
    turned: rotation,
    faces_left_out: leftOut,
  };
}
