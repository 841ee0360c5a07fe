/** The scales at which a profile's passes look at an image. */
import type { Size } from '../image/index.ts';
import type { PassRules } from '../pack/passes.ts';

/** The detector over an image at one scale. */
export interface Pass {
  /** Its place among the profile's passes, coarsest first. */
  readonly index: number;
  /** Network px per image px. */
  readonly scale: number;
  readonly rules: PassRules;
}

/** A pass that is less than this many times as large as the one before it would find hardly more. */
const WORTH_ENLARGING = 1.1;

/** The scale that a pass has for an image by the pack's rules: network px per image px. */
export function scaleOf(image: Size, { scale, long_side, max_megapixels, max_scale, min_scale }: PassRules): number {
  const long = Math.max(image.width, image.height);
  const side = Math.min(long_side?.max ?? Infinity, Math.max(long_side?.min ?? 0, scale * long));
  const byArea = max_megapixels ? Math.sqrt((max_megapixels * 1e6) / (image.width * image.height)) : Infinity;
  return Math.max(min_scale ?? 0, Math.min(side / long, max_scale ?? Infinity, byArea));
}

/**
 * The passes over an image, coarsest first. Left out are those that are hardly larger than one before them, and those
 * that only faces under `minFaceSize` need; the first always runs.
 * @param smallestFace the size, px of a pass, from which it finds faces reliably: no pass is larger than `minFaceSize` needs
 * @param minFaceSize px of the image; 0 where every face counts
 */
export function plannedPasses(
  image: Size,
  rules: readonly PassRules[],
  smallestFace: number,
  minFaceSize: number,
): Pass[] {
  const needed = smallestFace / minFaceSize;
  const passes: Pass[] = [];
  for (const [index, pass] of rules.entries()) {
    const largest = passes.at(-1)?.scale ?? 0;
    const scale = passes.length === 0 ? scaleOf(image, pass) : Math.min(scaleOf(image, pass), needed);
    if (scale >= largest * WORTH_ENLARGING) passes.push({ index, scale, rules: pass });
  }
  return passes;
}
