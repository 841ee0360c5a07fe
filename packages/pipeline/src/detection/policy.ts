/**
 * Which scales an image is shown to the detector at, what each of them may contribute, and when to stop.
 * A large scale alone finds small faces and invents parts of large ones: hence the gates by size.
 * The figures behind every number are in models/README.md.
 */
import type { Profile } from '@facequeue/schema';
import { type Candidate, faceSize } from './candidate.ts';
import type { Size } from './letterbox.ts';
import { merge } from './nms.ts';

/** One run of the detector. */
export interface Pass {
  /** 0 coarse, 1 middle, 2 native, 3 enlarged. The single pass of `fast` counts as 1. */
  readonly index: number;
  /** Net px per image px. */
  readonly scale: number;
}

/** What a pass contributes: faces whose sqrt(box area), in the pass's own px, lies in [from, to). */
type Gate = readonly [from: number, to: number];
const OPEN: Gate = [0, Number.POSITIVE_INFINITY];

const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));

/** The scales of passes 0 to 3 for an image; null where a pass would add nothing. */
export function passScales(image: Size): readonly [number, number | null, number, number | null] {
  const long = Math.max(image.width, image.height);
  const area = image.width * image.height;
  const coarse = Math.min(320, Math.max(long, 160)) / long;
  const middle = clamp(long / 2, 320, 640) / long;
  const native = long < 640 ? Math.min(640, 2 * long) / long : Math.min(1, Math.sqrt(1.5e6 / area));
  const enlarged = Math.min(2, Math.sqrt(2e6 / area));
  return [coarse, middle > coarse ? middle : null, native, enlarged >= 1.1 * native ? enlarged : null];
}

/** The only scale of profile `fast`: long side 640, small images enlarged at most twice. */
export function fastScale(image: Size): number {
  const long = Math.max(image.width, image.height);
  return Math.min(640, 2 * long) / long;
}

/** The scales a profile looks at whatever it finds. */
export function certainScales(image: Size, profile: Profile): number[] {
  if (profile === 'fast') return [fastScale(image)];
  const [coarse, middle] = passScales(image);
  return middle === null ? [coarse] : [coarse, middle];
}

/**
 * Score from which a speck in the middle pass calls for a closer look. Of 284 single faces of 7-17 px in that pass,
 * pasted at random into pictures without faces 1280 to 3000 px wide, all found by the native pass, a speck of 0.1
 * leads to 56 %, one of 0.05 to 67 %, one of 0.03 to 76 %; 27, 39 or 43 % of the same pictures without any face
 * (textures, mostly) are looked at again in vain, which doubles their cost.
 */
const CLOSER_LOOK = { balanced: 0.1, 'small-faces': 0.03 } as const;

/** The lowest score the policy wants to hear of. */
export const LOWEST_SCORE = Math.min(...Object.values(CLOSER_LOOK));

/** How candidates of several passes become one list. */
export interface MergeRules {
  /** Candidates below take no part in merging. */
  readonly candidate_score: number;
  readonly nms_iou: number;
  readonly vote_iou: number;
}

/**
 * The detection policy as a conversation: it yields a pass, is sent that pass's candidates, and returns the merged
 * faces, highest score first. It runs nothing itself.
 * @param rules the pack's; candidates are wanted from the lower of `LOWEST_SCORE` and its candidate score on
 */
export function* detectionPolicy(
  image: Size,
  profile: Profile,
  rules: MergeRules,
): Generator<Pass, Candidate[], Candidate[]> {
  const seen: Candidate[][] = [];
  const merged = (...gates: Gate[]) =>
    merge(
      gates.flatMap(([from, to], index) =>
        (seen[index] ?? []).filter((one) => one.score >= rules.candidate_score && one.seen >= from && one.seen < to),
      ),
      rules.nms_iou,
      rules.vote_iou,
    );

  if (profile === 'fast') {
    seen[1] = yield { index: 1, scale: fastScale(image) };
    return merged(OPEN, OPEN);
  }

  const [coarse, middle, native, enlarged] = passScales(image);
  const large: Gate = [32, Number.POSITIVE_INFINITY];
  seen[0] = yield { index: 0, scale: coarse };
  if (middle !== null) {
    seen[1] = yield { index: 1, scale: middle };
    const speck = seen[1].some((one) => one.seen < 24 && one.score >= CLOSER_LOOK[profile]);
    // Stopping here is as good as `fast` only where this pass was no coarser than that.
    if (middle >= fastScale(image) && !speck) return merged(large, OPEN);
  }

  seen[2] = yield { index: 2, scale: native };
  const medium: Gate = [24, Number.POSITIVE_INFINITY];
  const balanced = merged(large, medium, [0, 192]);
  if (profile === 'balanced' || enlarged === null) return balanced;
  const crowd = balanced.filter((one) => one.score > 0.15 && faceSize(one) < 32).length;
  if (crowd <= 4) return balanced;

  seen[3] = yield { index: 3, scale: enlarged };
  return merged(large, medium, [16, 256], [0, 192]);
}
