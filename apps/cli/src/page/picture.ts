import type { Mark } from '@facequeue/drawing';
import type { Box } from '@facequeue/evaluation';

/** Colours of boxes, and what they mean. */
export const COLOURS = {
  found: '#3dff8b',
  missed: '#ff5a5a',
  wrong: '#ffc400',
  ignored: '#9aa4ad',
} as const;

/** What a page shows of an image. */
export interface Picture {
  /** A sentence. */
  caption: string;
  marks: Mark[];
  /** Parts that are also shown enlarged, the most important first, px of the image. */
  closeUps: Box[];
}

/** A square around a box, twice the longer side of the box and at least 16 px. */
export function closeUpOf({ x, y, width, height }: Box): Box {
  const side = 2 * Math.max(width, height, 8);
  return { x: x + width / 2 - side / 2, y: y + height / 2 - side / 2, width: side, height: side };
}
