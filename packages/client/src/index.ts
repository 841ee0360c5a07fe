export type { DetectionResult, Face, JobResource, JobStatus, WebhookReport } from '@facequeue/schema';
export { ERROR_CATALOGUE, type ErrorCode, FacequeueError, isFacequeueError } from '@facequeue/schema/errors';
export {
  type CallOptions,
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
