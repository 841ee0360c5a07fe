/**
 * The scales at which the detector runs on an image, the face sizes that each scale contributes, and when to stop.
 * A large scale finds small faces but also false faces inside large ones, hence the gates by size.
 * models/README.md has the measurements for every number.
 */
import type { Profile } from '@facequeue/schema';
import type { Candidate } from './candidate.ts';
import type { Size } from './letterbox.ts';
import { merge } from './nms.ts';

/** One run of the detector. */
export interface Pass {
  /** 0 coarse, 1 middle, 2 native, 3 enlarged. The only pass of `fast` has index 1. */
  readonly index: number;
  /** Network px per image px. */
  readonly scale: number;
}

/** A pass contributes faces whose sqrt(box area), in the pass's own px, lies in [from, to). */
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

/** The scales that a profile always runs. */
export function certainScales(image: Size, profile: Profile): number[] {
  if (profile === 'fast') return [fastScale(image)];
  const [coarse, middle, native, enlarged] = passScales(image);
  const scales = profile === 'balanced' ? [coarse, middle] : [coarse, middle, native, enlarged];
  return scales.filter((scale) => scale !== null);
}

/**
 * Score from which a speck in the middle pass triggers the native pass of `balanced`. Measured with 284 single faces of 7-17 px in the
 * middle pass, pasted at random into face-free pictures 1280 to 3000 px wide; the native pass finds all of them. A
 * threshold of 0.1 triggers it for 56 % of them, 0.05 for 67 %, 0.03 for 76 %. Of the same pictures without a face, 27, 39
 * and 43 % trigger it in vain (mostly textures), which doubles their cost. `small-faces` never stops early: whoever asks for it knows
 * that faces are small.
 */
export const SPECK_SCORE = 0.1;

/** Rules for merging the candidates of several passes. */
export interface MergeRules {
  /** Candidates below it are not merged. */
  readonly candidate_score: number;
  readonly nms_iou: number;
  readonly vote_iou: number;
}

/**
 * The detection policy as a coroutine: it yields a pass, receives the candidates of that pass, and returns the merged
 * faces, highest score first. It runs no model itself.
 * @param rules the pack's; the caller sends candidates from the lower of `SPECK_SCORE` and the pack's candidate score up
 */
export function* detectionPolicy(
  image: Size,
  profile: Profile,
  rules: MergeRules,
): Generator<Pass, Candidate[], Candidate[]> {
  const found: Candidate[][] = [];
  const merged = (...gates: Gate[]) =>
    merge(
      gates.flatMap(([from, to], index) =>
        (found[index] ?? []).filter(
          (one) => one.score >= rules.candidate_score && one.passSize >= from && one.passSize < to,
        ),
      ),
      rules.nms_iou,
      rules.vote_iou,
    );

  if (profile === 'fast') {
    found[1] = yield { index: 1, scale: fastScale(image) };
    return merged(OPEN, OPEN);
  }

  const [coarse, middle, native, enlarged] = passScales(image);
  const large: Gate = [32, Number.POSITIVE_INFINITY];
  found[0] = yield { index: 0, scale: coarse };
  if (middle !== null) {
    found[1] = yield { index: 1, scale: middle };
    const speck = found[1].some((one) => one.passSize < 24 && one.score >= SPECK_SCORE);
    // Stopping here is as good as `fast` only where this pass was no coarser than that.
    if (profile === 'balanced' && middle >= fastScale(image) && !speck) return merged(large, OPEN);
  }

  found[2] = yield { index: 2, scale: native };
  const medium: Gate = [24, Number.POSITIVE_INFINITY];
  if (profile === 'balanced' || enlarged === null) return merged(large, medium, [0, 192]);

  found[3] = yield { index: 3, scale: enlarged };
  return merged(large, medium, [16, 256], [0, 192]);
}
