/** The result of a detection: faces, facts about the image, and times. */
import { z } from 'zod';
import { IMAGE_FORMAT_KEYS } from './image-formats.ts';

/** A point in pixels of the upright image. */
export const Point = z.object({ x: z.int(), y: z.int() }).meta({ id: 'Point' });

export const BoundingBox = z
  .object({ Width: z.number(), Height: z.number(), Left: z.number(), Top: z.number() })
  .meta({ id: 'BoundingBox', description: 'Fractions of the image width and height; may extend beyond the image.' });

const share = z.number().min(0).max(1);
const degrees = z.number().min(-180).max(180);

export const Pose = z
  .object({
    roll: degrees.meta({ description: 'Tilt in the plane of the image, clockwise.' }),
    yaw: degrees.meta({
      description: 'Turn to the side, positive towards the right of the image, as if the head were not tilted.',
    }),
    pitch: degrees.meta({ description: 'Nod, positive upwards.' }),
  })
  .meta({
    id: 'Pose',
    description: 'With detail=true: where the head points to, in degrees; 0 0 0 looks into the camera.',
  });
export type Pose = z.infer<typeof Pose>;

export const Quality = z
  .object({
    size_px: z.number().min(0).meta({ description: 'Square root of the area of the box, in pixels.' }),
    sharpness: z.number().min(0).meta({
      description:
        'Variance of the Laplacian of 8-bit luma, of the face scaled to 128 pixels. 0 is flat; small, blurred or out-of-focus faces have low values.',
    }),
    brightness: z.number().min(0).max(255).meta({ description: 'Mean 8-bit luma of the same pixels.' }),
    cut_by_edge: z.boolean().meta({
      description: 'Whether an edge of the image cuts off more than a twentieth of the width or height of the box.',
    }),
  })
  .meta({ id: 'Quality', description: 'With detail=true: how well the face can be seen.' });
export type Quality = z.infer<typeof Quality>;

export const Searched = z
  .object({
    smallest_face_px: z.number().min(0).meta({
      description:
        'Size of the smallest face that the answer could have contained: square root of the area of its box, in pixels. Smaller faces were not looked for.',
    }),
    scales: z
      .array(z.number().positive())
      .meta({ description: 'Scales at which the detector ran: its pixels per pixel of the image.' }),
    turned: z.int().min(0).max(270).meta({
      description:
        'Degrees clockwise by which rotate=auto turned the image to find its faces upright; boxes and points refer to the image as it is.',
    }),
    faces_left_out: z.int().min(0).meta({ description: 'Faces that were found but are over max_faces.' }),
  })
  .meta({
    id: 'Searched',
    description: 'With detail=true: what the detector looked for, and so what it cannot have seen.',
  });
export type Searched = z.infer<typeof Searched>;

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
    points_5: z.array(Point).length(5).optional().meta({
      description:
        "With detail=true: the detector's five points in pixels: left eye, right eye, nose, left and right corner of the mouth, as seen in the image.",
    }),
    presence: share.optional().meta({
      description: 'With detail=true, absent with landmarks=false: score of the landmark model that there is a face.',
    }),
    male: share
      .optional()
      .meta({ description: 'With detail=true, absent with attributes=false: probability of gender male.' }),
    pose: Pose.optional(),
    quality: Quality.optional(),
  })
  .meta({ id: 'Face' });
export type Face = z.infer<typeof Face>;

export const DetectionResult = z
  .object({
    Faces: z.array(Face).meta({ description: 'Highest Confidence first; empty when there is no face.' }),
    FaceModelVersion: z.string(),
    searched: Searched.optional(),
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
