/** Renders the record of a camera and the results of its frames: for `/cameras` and a camera's events. */
import type { ImageFacts, Timings } from '../detection/result.ts';
import { decodeResult } from '../detection/result-codec.ts';
import { type ErrorCode, toProblem } from '../errors.ts';
import { isoTime, isoTimeOrNull } from '../http/iso-time.ts';
import { rounded } from '../http/rounded.ts';
import type { CameraResource, FrameEvent } from './resource.ts';

/** The members of a record that `cameraResource` needs. Times are Unix milliseconds. */
export interface CameraView {
  camera: string;
  createdAt: number;
  keep: CameraResource['keep'];
  lastFrameAt: number;
  lastResultAt: number | null;
  lastJobId: string;
  /** Frames per second, over about the last half minute. */
  postedRate: number;
  processedRate: number;
  counts: CameraResource['counts'];
}

/** The members of a processed frame that `frameEvent` needs. Times are Unix milliseconds. */
export interface FrameView {
  jobId: string;
  status: FrameEvent['status'];
  takenAt: number | null;
  arrivedAt: number;
  startedAt: number | null;
  finishedAt: number;
  error: { code: ErrorCode; detail: string } | null;
  image: ImageFacts | null;
  timings: Timings;
  /** In the compact form of `result-codec`; null unless the frame succeeded. */
  result: Uint8Array | null;
  /** What `detail=true` adds to the result, in the compact form, too. */
  details?: Uint8Array;
}

/**
 * A camera as `GET /cameras/{camera}` shows it.
 * @param basePath prefix of every path, such as /prod
 */
export function cameraResource(camera: CameraView, basePath: string): CameraResource {
  const path = `${basePath}/cameras/${camera.camera}`;
  return {
    camera: camera.camera,
    keep: camera.keep,
    created_at: isoTime(camera.createdAt),
    last_frame_at: isoTime(camera.lastFrameAt),
    last_result_at: isoTimeOrNull(camera.lastResultAt),
    last_job: camera.lastJobId,
    frames_per_second: { posted: rounded(camera.postedRate), processed: rounded(camera.processedRate) },
    counts: camera.counts,
    links: { frames: `${path}/frames`, events: `${path}/events` },
  };
}

/** A processed frame, as an event `frame` of `GET /cameras/{camera}/events`. */
export function frameEvent(camera: string, frame: FrameView): FrameEvent {
  const { error } = frame;
  return {
    camera,
    job: frame.jobId,
    status: frame.status,
    frame_time: isoTimeOrNull(frame.takenAt),
    arrived_at: isoTime(frame.arrivedAt),
    started_at: isoTimeOrNull(frame.startedAt),
    finished_at: isoTime(frame.finishedAt),
    image: frame.image,
    result: frame.result && decodeResult(frame.result, frame.details),
    error: error && toProblem(error.code, error.detail, frame.jobId),
    timings: frame.timings,
  };
}
