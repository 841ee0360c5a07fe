/** The part of a manifest about passes: at which scales the detector runs, what each pass contributes, and when it is skipped. */
import { PROFILES } from '@facequeue/schema';
import { z } from 'zod';

const positive = z.number().positive();

/** Sizes of candidates, sqrt(box area) in px of the pass that found them: from `from` to below `to`; null is no limit. */
const FaceSizes = z.strictObject({ from: z.number().nonnegative(), to: positive.nullable() });

const Pass = z.strictObject({
  /** Network px per image px, before the limits below. */
  scale: positive,
  /** Limits of the image's longer side in the network, px; null is no limit. */
  long_side: z.strictObject({ min: positive.nullable(), max: positive.nullable() }).optional(),
  /** Limit of the image's area in the network, millions of px. */
  max_megapixels: positive.optional(),
  /** How many times small images are enlarged at most to reach `long_side.min`. */
  max_scale: positive.optional(),
  /** The scale is never below this, whatever `max_megapixels` says. */
  min_scale: positive.optional(),
  /** Faces that this pass contributes where a finer one follows; the finest that runs contributes smaller ones, too. */
  faces: FaceSizes,
  /**
   * The pass is skipped where all of this holds: the image's longer side has at least `long_side` px, the passes before it found a
   * face that scores `face_score`, and the last of them found nothing under `speck_size` px that scores `speck_score`.
   */
  skip: z
    .strictObject({
      long_side: z.int().nonnegative(),
      face_score: z.number().min(0).max(1),
      speck_score: z.number().min(0).max(1),
      speck_size: positive,
    })
    .optional(),
});
export type PassRules = z.infer<typeof Pass>;

/** How large passes are cut into tiles, which bounds memory and keeps the processor's caches warm. */
export const Tiles = z.strictObject({
  /** Larger passes are cut, millions of px. */
  above_megapixels: positive,
  /** Largest area of a tile, millions of px. */
  max_megapixels: positive,
  /** Least overlap of neighbours, px: two thirds of the largest face that a pass in tiles contributes. */
  overlap: z.int().nonnegative(),
});
export type TileRules = z.infer<typeof Tiles>;

/** The passes of each profile, coarsest first. */
export const Passes = z.strictObject(
  Object.fromEntries(PROFILES.map((profile) => [profile, z.array(Pass).min(1)])) as Record<
    (typeof PROFILES)[number],
    z.ZodArray<typeof Pass>
  >,
);
export type Passes = z.infer<typeof Passes>;
