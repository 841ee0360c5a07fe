/** A box by two corners, px of the image. */
export interface Corners {
  x1: number;
  y1: number;
  x2: number;
  y2: number;
}

/** One anchor's detection, in px of the image. Boxes may extend past the image. */
export interface Candidate extends Corners {
  score: number;
  /** x, y of the image-left eye, image-right eye, nose, image-left and image-right mouth corner. */
  points: Float32Array;
  /** sqrt(box area) in px of the pass that found it; size gates and the choice of points use it. */
  passSize: number;
  /** The pass that found it. */
  pass: number;
  /** The detector's own box, where a verifier has moved it. Landmark crops are cut by it, because their rules were measured with it. */
  detectorBox?: Corners;
}

/** sqrt(box area) in px of the image. */
export function faceSize(candidate: Corners): number {
  return Math.sqrt(Math.max(0, candidate.x2 - candidate.x1) * Math.max(0, candidate.y2 - candidate.y1));
}

/** Raw outputs of the detector for one image, in px of the network's input. */
export interface DetectorOutput {
  /** [A] */
  scores: Float32Array;
  /** [A, 4] x1 y1 x2 y2 */
  boxes: Float32Array;
  /** [A, 5, 2] */
  points: Float32Array;
}

/** Where one input of the network lies in the image, seen at the network's scale. */
export interface View {
  /** Network px per image px, horizontally and vertically. */
  readonly scaleX: number;
  readonly scaleY: number;
  /** The input's top left corner, network px of the whole image. */
  readonly originX: number;
  readonly originY: number;
}

/**
 * The anchors that score at least `score`, as candidates in image px.
 * @param keeps whether a face is taken, by its centre in network px of the whole image
 */
export function candidatesOf(
  { scores, boxes, points }: DetectorOutput,
  score: number,
  { scaleX, scaleY, originX, originY }: View,
  pass: number,
  keeps: (x: number, y: number) => boolean = () => true,
): Candidate[] {
  const found: Candidate[] = [];
  for (let anchor = 0; anchor < scores.length; anchor++) {
    // Written so that NaN is not a candidate.
    if (!(scores[anchor]! >= score)) continue;
    const b = anchor * 4;
    const [x1, y1, x2, y2] = [
      boxes[b]! + originX,
      boxes[b + 1]! + originY,
      boxes[b + 2]! + originX,
      boxes[b + 3]! + originY,
    ];
    const [width, height] = [x2 - x1, y2 - y1];
    const passSize = Math.sqrt(width * height);
    if (!(width > 0 && height > 0 && passSize < Number.POSITIVE_INFINITY)) continue;
    if (!keeps((x1 + x2) / 2, (y1 + y2) / 2)) continue;
    const five = new Float32Array(10);
    for (let k = 0; k < 10; k += 2) {
      five[k] = (points[anchor * 10 + k]! + originX) / scaleX;
      five[k + 1] = (points[anchor * 10 + k + 1]! + originY) / scaleY;
    }
    found.push({
      x1: x1 / scaleX,
      y1: y1 / scaleY,
      x2: x2 / scaleX,
      y2: y2 / scaleY,
      score: scores[anchor]!,
      points: five,
      passSize,
      pass,
    });
  }
  return found;
}
