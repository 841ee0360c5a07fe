/** A camera and its frames as the API shows them. */
import { z } from 'zod';
import { DetectionResult, ImageFacts, Timings } from '../detection/result.ts';
import { IsoTime } from '../http/iso-time.ts';
import { ProblemBody } from '../http/problem.ts';

/** A camera's name: a path segment that needs no escaping, and is not `.` or `..`. */
export const CAMERA_NAME = /^(?!\.+$)[\w.-]{1,64}$/;

/** A camera of `GET /cameras`. */
export const CameraResource = z
  .object({
    camera: z.string(),
    keep: z.enum(['latest', 'all']).meta({ description: 'As in the last frame.' }),
    created_at: IsoTime,
    last_frame_at: IsoTime,
    last_result_at: IsoTime.nullable(),
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
    frame_time: IsoTime.nullable().meta({ description: 'X-Frame-Time of the frame, if it had one.' }),
    arrived_at: IsoTime,
    started_at: IsoTime.nullable(),
    finished_at: IsoTime,
    image: ImageFacts.nullable(),
    result: DetectionResult.nullable(),
    error: ProblemBody.nullable(),
    timings: Timings,
  })
  .meta({ id: 'FrameEvent' });
export type FrameEvent = z.infer<typeof FrameEvent>;
