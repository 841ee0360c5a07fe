/** The part of a manifest that says at which scales the detector runs, what each run contributes, and when it is skipped. */
import { PROFILES } from '@facequeue/schema';
import { z } from 'zod';

const positive = z.number().positive();

/** Candidates in px of the pass that found them: sqrt(box area) in [from, to). A `to` of null has no end. */
const FaceSizes = z.strictObject({ from: z.number().nonnegative(), to: positive.nullable() });

const Pass = z.strictObject({
  /** Network px per image px, before the limits below. */
  scale: positive,
  /** Limits of the picture's longer side in the network, px; null is no limit. */
  long_side: z.strictObject({ min: positive.nullable(), max: positive.nullable() }).optional(),
  /** Limit of the picture's area in the network, a million px each. */
  max_megapixels: positive.optional(),
  /** How far small pictures are enlarged at most to reach `long_side.min`. */
  max_scale: positive.optional(),
  /** The scale is never below this, whatever `max_megapixels` says. */
  min_scale: positive.optional(),
  /** Faces that this pass contributes where a finer one follows; the finest that runs contributes smaller ones, too. */
  faces: FaceSizes,
  /**
   * The pass is skipped where all of this holds: the picture's longer side has at least so many px, the passes before it
   * found a face that scores `face_score`, and the last of them nothing of under `speck_size` px that scores `speck_score`.
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

/** How passes over large pictures are cut into tiles, which bounds memory and keeps the processor's caches warm. */
export const Tiles = z.strictObject({
  /** Passes over a larger area are cut, a million px each. */
  above_megapixels: positive,
  /** A tile's area at most, a million px each. */
  max_megapixels: positive,
  /** By how much neighbours overlap at least, px: two thirds of the largest face that a pass in tiles contributes. */
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
