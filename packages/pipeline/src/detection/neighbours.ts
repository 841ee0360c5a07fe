import type { Corners } from './candidate.ts';

/** Boxes sorted along one axis, the one on which they spread more. */
export class Neighbours {
  readonly #axis: 'x' | 'y';
  readonly #leastIou: number;
  /** Where each box begins on the axis, ascending, and the box's index. */
  readonly #starts: Float64Array;
  readonly #indices: Uint32Array;

  /** @param leastIou intersection over union from which boxes are neighbours */
  constructor(boxes: readonly Corners[], leastIou: number) {
    this.#axis = spread(boxes, 'x1') >= spread(boxes, 'y1') ? 'x' : 'y';
    // Rounding must not hide a pair that overlaps by exactly the limit.
    this.#leastIou = leastIou * 0.999;
    const start = (box: Corners) => box[`${this.#axis}1`];
    this.#indices = Uint32Array.from(boxes.keys()).sort((a, b) => start(boxes[a]!) - start(boxes[b]!));
    this.#starts = Float64Array.from(this.#indices, (index) => start(boxes[index]!));
  }

  /**
   * Indices of the boxes that may be neighbours of `box`, itself included: at least those that are. Two boxes with an intersection
   * over union of t share at least t of the length of each, and neither is longer than 1 / t of the other. So for equal faces
   * side by side it is the few columns around this one, and not the whole picture.
   */
  of(box: Corners): Uint32Array {
    if (this.#leastIou <= 0) return this.#indices;
    const [start, end] = [box[`${this.#axis}1`], box[`${this.#axis}2`]];
    const length = end - start;
    const first = this.#firstFrom(start - (length * (1 - this.#leastIou)) / this.#leastIou);
    const last = this.#firstFrom(end - length * this.#leastIou);
    // The one at the limit itself is in.
    return this.#indices.subarray(first, last + 1);
  }

  /** The first position whose start is at least `value`. */
  #firstFrom(value: number): number {
    let [low, high] = [0, this.#starts.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle]! < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function spread(boxes: readonly Corners[], side: 'x1' | 'y1'): number {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const box of boxes) {
    least = Math.min(least, box[side]);
    most = Math.max(most, box[side]);
  }
  return most - least;
}
