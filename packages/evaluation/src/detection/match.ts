/** Which detection finds which face: the rules by which two published evaluations match boxes. */
import { type Box, intersection, iou } from '../box.ts';

/** A face of the ground truth. */
export interface Truth {
  box: Box;
  /** The face need not be found, and finding it is no error. */
  ignored?: boolean;
  /** The box is a crowd of ignored faces (COCO's `iscrowd`): detections that lie in it count neither way. */
  crowd?: boolean;
}

/** A box that was detected. */
export interface Detected {
  box: Box;
  /** 0..1 */
  confidence: number;
}

export interface MatchRules {
  /** Least intersection over union of a detection and the face it finds. */
  iou: number;
  /**
   * `best`: a detection can only find the face that it overlaps most, so a second detection of a face is false (WIDER FACE).
   * `free`: it can find the face it overlaps most among those that no better detection has found (COCO).
   */
  rule: 'best' | 'free';
}

/** What became of a detection. `ignored`: it lies on a face or crowd that does not count. */
export type Outcome = 'true' | 'false' | 'ignored';

export interface Match {
  /** One for each detection, in the sequence given. */
  outcomes: Outcome[];
  /** Index of the detection that found each face, in the sequence given; null for a face that was missed or is ignored. */
  foundBy: (number | null)[];
}

/** Matches the detections of one image with its faces, the most confident detection first. */
export function matchFaces(
  detections: readonly Detected[],
  truths: readonly Truth[],
  { iou: least, rule }: MatchRules,
): Match {
  const outcomes = detections.map((): Outcome => 'false');
  const foundBy = truths.map((): number | null => null);
  const faces = [...truths.keys()].filter((index) => !truths[index]!.crowd);
  const crowds = truths.filter(({ crowd }) => crowd);
  const byConfidence = [...detections.keys()].sort((a, b) => detections[b]!.confidence - detections[a]!.confidence);
  for (const index of byConfidence) {
    const { box } = detections[index]!;
    const inReach = faces.filter((face) => iou(box, truths[face]!.box) >= least);
    const face = rule === 'best' ? best(box, inReach, truths) : bestFree(box, inReach, truths, foundBy);
    if (face === undefined) {
      if (crowds.some((crowd) => intersection(box, crowd.box) >= least * box.width * box.height))
        outcomes[index] = 'ignored';
    } else if (truths[face]!.ignored) outcomes[index] = 'ignored';
    else if (foundBy[face] === null) {
      outcomes[index] = 'true';
      foundBy[face] = index;
    }
  }
  return { outcomes, foundBy };
}

/** The face that the box overlaps most; of equal ones the first. */
function best(box: Box, faces: readonly number[], truths: readonly Truth[]): number | undefined {
  const overlaps = faces.map((face) => iou(box, truths[face]!.box));
  return faces[overlaps.indexOf(Math.max(...overlaps))];
}

/** The same among faces that have not been found; among the ignored ones only if there is none of those. */
function bestFree(box: Box, faces: readonly number[], truths: readonly Truth[], foundBy: readonly (number | null)[]) {
  const counting = faces.filter((face) => !truths[face]!.ignored && foundBy[face] === null);
  const ignored = faces.filter((face) => truths[face]!.ignored);
  return best(box, counting, truths) ?? best(box, ignored, truths);
}
