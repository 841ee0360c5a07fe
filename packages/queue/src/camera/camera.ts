import type { DetectionOptions, ErrorCode, ImageFacts, Timings } from '@facequeue/schema';

/** What `Cameras.submit` takes. */
export interface NewFrame {
  /** UUIDv7 from `newJobId`. */
  id: string;
  camera: string;
  owner: string;
  /** Whose turns and shares it counts in: its owner's, unless this names another. */
  flow?: string;
  /** How many jobs, items and frames of its flow may wait; absent: no such limit. */
  maxPending?: number;
  requestId: string;
  bytes: Uint8Array;
  options: DetectionOptions;
  /** latest: frames of the camera that still wait end `canceled` (`superseded`); all: it waits after them. */
  keep: 'latest' | 'all';
  /** Milliseconds from now after which it ends `expired`, unless it is processed by then. */
  startTimeoutMs: number;
  /** When it was taken, Unix milliseconds; null when its sender did not say. */
  takenAt: number | null;
}

/** What a camera has done so far. Times are Unix milliseconds. */
export interface CameraRecord {
  camera: string;
  createdAt: number;
  keep: 'latest' | 'all';
  lastFrameAt: number;
  /** When a frame was last processed to its end. */
  lastResultAt: number | null;
  lastJobId: string;
  /** Frames posted, and frames processed, a second, over the last half minute or so. */
  postedRate: number;
  processedRate: number;
  /**
   * posted = waiting + processing + succeeded + failed + superseded + expired + canceled. A frame that a worker has claimed and no
   * engine has yet counts as waiting.
   */
  counts: {
    posted: number;
    waiting: number;
    processing: number;
    succeeded: number;
    failed: number;
    superseded: number;
    expired: number;
    canceled: number;
  };
}

/** A processed frame. */
export interface FrameResult {
  /** Its place among the camera's results. */
  cursor: string;
  jobId: string;
  status: 'succeeded' | 'failed';
  takenAt: number | null;
  arrivedAt: number;
  startedAt: number | null;
  finishedAt: number;
  error: { code: ErrorCode; detail: string } | null;
  image: ImageFacts | null;
  timings: Timings;
  /** Compact; of a succeeded frame. */
  result: Buffer | null;
  /** As a job's. */
  details?: Buffer;
}
