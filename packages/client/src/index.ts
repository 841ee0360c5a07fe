export type {
  BatchOptions,
  BatchResource,
  BatchStatus,
  CameraResource,
  DetectionResult,
  Face,
  FrameEvent,
  ItemLine,
  JobResource,
  JobStatus,
  WebhookReport,
} from '@facequeue/schema';
export { ERROR_CATALOGUE, type ErrorCode, FacequeueError, isFacequeueError } from '@facequeue/schema/errors';
export type { AppendTotals, BatchCalls, NewBatch, ResultsOptions } from './batches/calls.ts';
export type { BatchItem } from './batches/item.ts';
export type { RunOptions } from './batches/run.ts';
export type { CallOptions } from './call-options.ts';
export type { CameraCalls, CameraFrame, FrameOptions, FramesOptions } from './cameras/calls.ts';
export {
  type Client,
  type ClientOptions,
  createClient,
  type DetectCallOptions,
  type PollOptions,
  type SubmitCallOptions,
  type WaitOptions,
} from './client.ts';
export type { Detection, DetectOptions, Image } from './detection.ts';
export type { JobEvent } from './follow.ts';
