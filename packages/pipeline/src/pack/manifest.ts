/** The manifest of a model pack: its file for each of the three roles, and the crop rules and thresholds with which it was measured. */
import { z } from 'zod';

const Tensor = z.strictObject({
  dtype: z.enum(['uint8', 'int64', 'float32']),
  /** A number is fixed; a name stands for any number, the same wherever it appears. */
  shape: z.array(z.union([z.int().positive(), z.string()])),
});

const ModelFile = z.strictObject({
  /** Path relative to the manifest's folder. */
  file: z.string().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().positive(),
  title: z.string(),
  licence: z.string(),
  licence_file: z.string(),
  source: z.record(z.string(), z.string()),
  recipe: z.string(),
  inputs: z.record(z.string(), Tensor),
  outputs: z.record(z.string(), Tensor),
});
export type ModelFile = z.infer<typeof ModelFile>;

export const ROLES = ['detector', 'landmarks', 'attributes'] as const;
export type Role = (typeof ROLES)[number];

const fraction = z.number().min(0).max(1);

export const Manifest = z.strictObject({
  schema: z.literal(1),
  name: z.string().min(1),
  version: z.string().min(1).max(255),
  models: z.strictObject({ detector: ModelFile, landmarks: ModelFile, attributes: ModelFile }),
  detection: z.strictObject({
    /** Score from which a candidate counts in merging and early exits, whatever confidence the caller sets. */
    candidate_score: fraction,
    /** Confidence a reported face needs when the caller sets none. */
    default_confidence: fraction,
    nms_iou: fraction,
    vote_iou: fraction,
    /** The network's sides are multiples of this, px. */
    size_multiple: z.int().positive(),
  }),
  crops: z.strictObject({
    landmarks: z.strictObject({
      from: z.literal('box'),
      size: z.int().positive(),
      scale: z.number().positive(),
      shift_down: z.number(),
    }),
    attributes: z.strictObject({
      from: z.literal('eyes_mouth'),
      size: z.int().positive(),
      scale: z.number().positive(),
      mouth_ratio: z.number().positive(),
      shift_down: z.number(),
      /** Whether the crop and its mirror image are averaged. */
      mirror: z.boolean(),
    }),
  }),
});
export type Manifest = z.infer<typeof Manifest>;
export type DetectionRules = Manifest['detection'];
export type LandmarkCrop = Manifest['crops']['landmarks'];
export type AttributeCrop = Manifest['crops']['attributes'];
