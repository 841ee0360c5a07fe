/** The result of a detection: faces, facts about the image, and times. */
import { z } from 'zod';
import { IMAGE_FORMAT_KEYS } from './image-formats.ts';

/** A point in pixels of the upright image. */
export const Point = z.object({ x: z.int(), y: z.int() }).meta({ id: 'Point' });

export const BoundingBox = z
  .object({ Width: z.number(), Height: z.number(), Left: z.number(), Top: z.number() })
  .meta({ id: 'BoundingBox', description: 'Fractions of the image width and height; may extend beyond the image.' });

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

/**
 * Facts about an image: upright width and height in px, file format, size in bytes and EXIF orientation; and how many of its faces
 * the result leaves out.
 */
export const ImageFacts = z
  .object({
    width: z.int(),
    height: z.int(),
    format: z.enum(IMAGE_FORMAT_KEYS),
    bytes: z.int(),
    orientation: z.int().min(1).max(8),
    faces_left_out: z.int().min(1).optional().meta({
      description:
        'Faces that were found but are over max_faces, and so not in the result; absent when there are none.',
    }),
  })
  .meta({ id: 'ImageFacts' });
export type ImageFacts = z.infer<typeof ImageFacts>;

/** Milliseconds that each stage took; a stage that did not run is absent. */
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
