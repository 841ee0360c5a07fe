/** The manifest of a model pack: its file for each role, and the crop rules and thresholds with which it was measured. */
import { PROFILES } from '@facequeue/schema';
import { z } from 'zod';
import { Passes, Tiles } from './passes.ts';

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

export const ROLES = ['detector', 'landmarks', 'attributes', 'verifier', 'refiner'] as const;
export type Role = (typeof ROLES)[number];

/** For each role that a pack may leave out, the parts of its manifest that go with it. */
const OPTIONAL_ROLES = {
  verifier: ['models.verifier', 'verification', 'crops.verifier'],
  refiner: ['models.refiner', 'refinement'],
} as const satisfies { [R in Role]?: readonly string[] };
export type OptionalRole = keyof typeof OPTIONAL_ROLES;

const fraction = z.number().min(0).max(1);

const Rotation = z.strictObject({
  /** A face that scores this is certainly upright: other directions are not tried. */
  certain_score: fraction,
  /** The score from which a single face suffices for another direction. */
  least_score: fraction,
  /** The factor by which a direction must win over every other one. */
  margin: z.number().min(1),
});
export type RotationRules = z.infer<typeof Rotation>;

const Fields = z.strictObject({
  schema: z.literal(1),
  name: z.string().min(1),
  version: z.string().min(1).max(255),
  models: z.strictObject({
    detector: ModelFile,
    landmarks: ModelFile,
    attributes: ModelFile,
    /** Optional, with `verification` and its crop. */
    verifier: ModelFile.optional(),
    /** Optional, with `refinement`. It sees the crops for landmarks. */
    refiner: ModelFile.optional(),
  }),
  detection: z.strictObject({
    /** Score from which a candidate counts in merging and early exits, whatever confidence the caller sets. */
    candidate_score: fraction,
    /** Confidence a reported face needs when the caller sets none. */
    default_confidence: fraction,
    nms_iou: fraction,
    vote_iou: fraction,
    /** The network's sides are multiples of this, px. */
    size_multiple: z.int().positive(),
    /** Faces of this size, in px of a pass, are found reliably: 57 of 60 alone in a generated scene. */
    smallest_face: z.number().positive(),
    tiles: Tiles,
    passes: Passes,
    /** When rotate=auto turns an image. */
    rotation: Rotation,
  }),
  /** How much the verifier's opinion of a candidate counts. */
  verification: z
    .strictObject({
      /** Profiles that ask it. */
      profiles: z.array(z.enum(PROFILES)),
      /** Score from which it is asked. */
      candidate_score: fraction,
      /** Its share of the score: what its logit is multiplied by before it is added to the detector's. */
      score_share: z.number().nonnegative(),
      /** Its share of the box. */
      box_share: fraction,
    })
    .optional(),
  /** How much the refiner's points count, against those of the landmark model. */
  refinement: z
    .strictObject({
      /** Its share of a point. */
      share: fraction,
      /** Its share of a pupil. */
      pupil_share: fraction,
      /**
       * Of the jaw, the near side is the refiner's alone; the far side moves over to the landmark model from the first yaw ratio of
       * the head to the second (`yawRatioOf`).
       */
      far_jaw_yaw: z.tuple([z.number().nonnegative(), z.number().positive()]).refine(([from, to]) => from < to),
    })
    .optional(),
  crops: z.strictObject({
    verifier: z
      .strictObject({
        from: z.literal('box'),
        extent: z.literal('max'),
        upright: z.literal(true),
        size: z.int().positive(),
        scale: z.number().positive(),
      })
      .optional(),
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
/** The part of a manifest at a path such as `models.verifier`. */
const partOf = (manifest: object, path: string) =>
  path.split('.').reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], manifest);

export const Manifest = Fields.superRefine((manifest, context) => {
  for (const [role, paths] of Object.entries(OPTIONAL_ROLES)) {
    const missing = paths.filter((path) => partOf(manifest, path) === undefined);
    if (missing.length === paths.length) continue;
    const message = `missing; a ${role} needs ${paths.join(', ')}`;
    for (const path of missing) context.addIssue({ code: 'custom', path: path.split('.'), message });
  }
});
export type Manifest = z.infer<typeof Manifest>;

/** The roles that a pack has a model for. */
export function rolesOf({ models }: Manifest): Role[] {
  return ROLES.filter((role) => models[role] !== undefined);
}

/** @throws Error when the pack has no model for the role */
export function modelOf({ models }: Manifest, role: Role): ModelFile {
  const model = models[role];
  if (!model) throw new Error(`the pack has no ${role} model`);
  return model;
}

export type DetectionRules = Manifest['detection'];
export type VerificationRules = NonNullable<Manifest['verification']>;
export type RefinementRules = NonNullable<Manifest['refinement']>;
export type VerifierCrop = NonNullable<Manifest['crops']['verifier']>;
export type LandmarkCrop = Manifest['crops']['landmarks'];
export type AttributeCrop = Manifest['crops']['attributes'];
