import { overlap, wholePixels } from './rectangle.ts';
import { clamp } from './style.ts';
import type { Rectangle } from './types.ts';

/** A label to place: the size of its plate and the box of its face, px. */
export interface LabelToPlace {
  width: number;
  height: number;
  box: Rectangle;
}

/** Cost of an overlap with another plate, which hides text, relative to one with a face's box, which only hides picture. */
const PLATE_OVERLAP_COST = 4;

/**
 * Places each label at its box: on it, under it, or in a corner inside it. It chooses the first of these that covers least of
 * earlier labels and other faces' boxes.
 * @returns the plates in the order of `labels`, each wholly inside the picture unless it is larger than the picture
 */
export function placeLabels(labels: readonly LabelToPlace[], picture: { width: number; height: number }): Rectangle[] {
  const placed: Rectangle[] = [];
  for (const label of labels) {
    const others = labels.filter((other) => other !== label);
    const cost = (plate: Rectangle) =>
      PLATE_OVERLAP_COST * placed.reduce((sum, other) => sum + overlap(plate, other), 0) +
      others.reduce((sum, other) => sum + overlap(plate, other.box), 0);
    let best: Rectangle | undefined;
    let bestCost = Number.POSITIVE_INFINITY;
    for (const plate of candidates(label, picture)) {
      const of = cost(plate);
      if (of < bestCost) [best, bestCost] = [plate, of];
    }
    placed.push(best!);
  }
  return placed;
}

/** Best first. A candidate that would leave the picture is moved to its edge; if that puts it over the face, others come first. */
function candidates(label: LabelToPlace, picture: { width: number; height: number }): Rectangle[] {
  const { width, height } = label;
  const box = wholePixels(label.box);
  const [left, right] = [box.x, box.x + box.width - width];
  const [above, below] = [box.y - height, box.y + box.height];
  const [top, bottom] = [box.y, box.y + box.height - height];
  const wanted = [
    [left, above],
    [right, above],
    [left, below],
    [right, below],
    [left, top],
    [left, bottom],
  ] as const;
  const inside = (y: number) => y >= 0 && y + height <= picture.height;
  return [...wanted.filter(([, y]) => inside(y)), ...wanted.filter(([, y]) => !inside(y))].map(([x, y]) => ({
    x: clamp(x, 0, Math.max(0, picture.width - width)),
    y: clamp(y, 0, Math.max(0, picture.height - height)),
    width,
    height,
  }));
}
