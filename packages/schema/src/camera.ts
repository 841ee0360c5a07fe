import { z } from 'zod';
import { DetectionResult, ImageFacts, Timings } from './detection.ts';
import { ProblemBody } from './job.ts';

/** A camera's name: a path segment that needs no escaping, and is not taken for a way up or nowhere. */
export const CAMERA_NAME = /^(?!\.+$)[\w.-]{1,64}$/;

const time = z.iso.datetime();

/** A camera of `GET /cameras`. */
export const CameraResource = z
  .object({
    camera: z.string(),
    keep: z.enum(['latest', 'all']).meta({ description: 'As the last frame was posted.' }),
    created_at: time,
    last_frame_at: time,
    last_result_at: time.nullable(),
    last_job: z.uuidv7().meta({ description: 'Job of the last frame.' }),
    frames_per_second: z.object({ posted: z.number(), processed: z.number() }),
    counts: z
      .object({
        posted: z.int(),
        waiting: z.int(),
        processing: z.int(),
        succeeded: z.int(),
        failed: z.int(),
        superseded: z.int(),
        expired: z.int(),
        canceled: z.int(),
      })
      .meta({ description: 'posted is the sum of the others; superseded and expired frames were dropped.' }),
    links: z.object({ frames: z.string(), events: z.string() }),
  })
  .meta({ id: 'Camera' });
export type CameraResource = z.infer<typeof CameraResource>;

/** `GET /cameras`. */
export const CameraList = z.object({ cameras: z.array(CameraResource) }).meta({ id: 'CameraList' });
export type CameraList = z.infer<typeof CameraList>;

/** An event `frame` of `GET /cameras/{camera}/events`. */
export const FrameEvent = z
  .object({
    camera: z.string(),
    job: z.uuidv7(),
    status: z.enum(['succeeded', 'failed']),
    frame_time: time.nullable().meta({ description: 'X-Frame-Time of the frame, if it had one.' }),
    arrived_at: time,
    started_at: time.nullable(),
    finished_at: time,
    image: ImageFacts.nullable(),
    result: DetectionResult.nullable(),
    error: ProblemBody.nullable(),
    timings: Timings,
  })
  .meta({ id: 'FrameEvent' });
export type FrameEvent = z.infer<typeof FrameEvent>;
