/** The reference outputs of the default pack: their form, and the tolerances. */
import { z } from 'zod';

const pair = z.tuple([z.number(), z.number()]);
const box = z.tuple([z.number(), z.number(), z.number(), z.number()]);

const opinion = z.object({ face: z.number(), box });

export const Reference = z.object({
  model_detector: z.object({
    anchors: z.int(),
    best_anchor: z.int(),
    score: z.number(),
    box_x1y1x2y2: box,
    points: z.array(pair).length(5),
    'count_score_over_0.3': z.int(),
    'sum_of_scores_over_0.01': z.number(),
  }),
  model_landmarks: z.object({ presence: z.number(), points_in_crop: z.array(pair).length(106) }),
  /** On the crop of `model_landmarks`; mixed with that model's points, for heads that are turned so far. */
  model_refiner: z.object({
    points_in_crop: z.array(pair).length(106),
    mixed: z.array(z.object({ yaw_ratio: z.number(), points_in_crop: z.array(pair).length(106) })),
  }),
  model_attributes: z.object({
    male: z.number(),
    age: z.number(),
    mirrored_male: z.number(),
    mirrored_age: z.number(),
  }),
  /** A face's crop, a grey one, and the top left 12 x 12 px of the first, tiled. Boxes in px of the crop. */
  model_verifier: z.object({ crop: opinion, grey: opinion, corner: opinion }),
  /** By the name of the photograph; single pass at long side 640, which is profile `fast`. */
  pipeline: z.record(
    z.string(),
    z.array(
      z.object({
        score: z.number(),
        box_x1y1x2y2: box,
        landmark_106: z.array(pair).length(106),
        male: z.number(),
        age: z.number(),
      }),
    ),
  ),
});
export type Reference = z.infer<typeof Reference>;

/** For one model run on exactly the reference's input. */
export const MODEL_TOLERANCE = { px: 0.02, other: 0.002 };

/** For whole pictures, where decoders and resizers may differ. */
export const PICTURE_TOLERANCE = {
  boxIou: 0.9,
  score: 0.05,
  /** Mean distance of the points, share of sqrt(box area). */
  points: 0.02,
  male: 0.1,
  ageYears: 4,
};
