import { z } from 'zod';

/** Detection profiles, cheapest first: one pass, three passes, four passes (models/README.md has their figures). */
export const PROFILES = ['fast', 'balanced', 'small-faces'] as const;
export type Profile = (typeof PROFILES)[number];

/** Longest side of an accepted image, px. The reference service has the same limit. */
export const MAX_IMAGE_SIDE = 4096;

/** What a caller may ask of the pipeline. This is what a job record and an engine message carry. */
export const DetectionOptions = z.strictObject({
  profile: z.enum(PROFILES).default('balanced'),
  max_faces: z.int().min(1).max(10_000).optional(),
  min_confidence: z.number().min(0.1).max(1).optional(),
  min_face_size: z.number().min(0).max(MAX_IMAGE_SIDE).optional(),
  landmarks: z.boolean().default(true),
  attributes: z.boolean().default(true),
  /** Whether EXIF orientation is applied; COMPAT=aws ignores it as the reference does. */
  orient: z.boolean().default(true),
});
export type DetectionOptions = z.infer<typeof DetectionOptions>;

export const DEFAULT_DETECTION_OPTIONS: DetectionOptions = DetectionOptions.parse({});

/** A point in pixels of the upright image. */
export const Point = z.object({ x: z.int(), y: z.int() }).meta({ id: 'Point' });

export const BoundingBox = z
  .object({ Width: z.number(), Height: z.number(), Left: z.number(), Top: z.number() })
  .meta({ id: 'BoundingBox', description: 'Fractions of the image width and height; may reach past the frame.' });

export const Face = z
  .object({
    BoundingBox,
    Confidence: z.number().min(0).max(1),
    landmark_106: z
      .array(Point)
      .length(106)
      .optional()
      .meta({ description: 'Pixels, InsightFace 2d106det order; absent with landmarks=false.' }),
    gender: z.enum(['male', 'female']).optional().meta({ description: 'Absent with attributes=false.' }),
    age: z.int().min(0).optional().meta({ description: 'Years; absent with attributes=false.' }),
  })
  .meta({ id: 'Face' });
export type Face = z.infer<typeof Face>;

export const DetectionResult = z
  .object({
    Faces: z.array(Face).meta({ description: 'Highest Confidence first; empty when there is no face.' }),
    FaceModelVersion: z.string(),
  })
  .meta({ id: 'DetectionResult', description: "The reference service's answer, name by name." });
export type DetectionResult = z.infer<typeof DetectionResult>;

/** What was learned of an image: upright width and height in px, the file's format, size in bytes and EXIF orientation. */
export const ImageFacts = z
  .object({
    width: z.int(),
    height: z.int(),
    format: z.enum(['jpeg', 'png', 'bmp', 'webp']),
    bytes: z.int(),
    orientation: z.int().min(1).max(8),
  })
  .meta({ id: 'ImageFacts' });
export type ImageFacts = z.infer<typeof ImageFacts>;

/** Milliseconds each stage took; a stage that did not run is absent. */
export const Timings = z
  .object({
    queue: z.number(),
    fetch: z.number(),
    decode: z.number(),
    detect: z.number(),
    landmarks: z.number(),
    attributes: z.number(),
  })
  .partial()
  .meta({ id: 'Timings', description: 'Milliseconds a stage took; a stage that did not run is absent.' });
export type Timings = z.infer<typeof Timings>;
