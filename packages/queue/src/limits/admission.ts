import { FacequeueError } from '@facequeue/schema';
import { group, number } from '../redis/define-script.ts';
import { type AdmissionReason, refusalText } from './refusal-texts.ts';

/** Limits of admission: what the installation takes before it refuses. Scripts check them, so they hold for all gateways together. */
export interface AdmissionLimits {
  /** Jobs and items of batches that wait. */
  maxWaiting: number;
  /** Bytes of images that wait. */
  maxBlobBytes: number;
  /** Bytes of kept results and undelivered webhooks. */
  maxResultBytes: number;
  /** Milliseconds that the oldest waiting job of a queue may have waited. */
  maxOldestMs: number;
}

/** No limits, for tools and tests that bring their own. */
export const UNLIMITED: AdmissionLimits = {
  maxWaiting: Number.MAX_SAFE_INTEGER,
  maxBlobBytes: Number.MAX_SAFE_INTEGER,
  maxResultBytes: Number.MAX_SAFE_INTEGER,
  maxOldestMs: Number.MAX_SAFE_INTEGER,
};

/** The limits as an argument of scripts. */
export const limitsArg = group({
  maxWaiting: number,
  maxBlobBytes: number,
  maxResultBytes: number,
  maxOldestMs: number,
});

/** Why it refuses one flow, though there is room for others. */
const FLOW_REASONS = {
  own_pending: 'this API key has as many jobs, items and frames waiting as its limit `waiting` allows',
  share_pending: 'this caller has its share of the jobs that may wait; the rest is for others',
  share_blob_bytes: 'this caller has its share of the image bytes that may wait; the rest is for others',
  share_result_bytes: 'this caller has its share of the results that may be kept; the rest is for others',
  share_host_webhooks:
    'this caller has its share of the webhooks that may wait for this receiver; the rest is for others',
  share_webhooks: 'this caller has its share of the webhooks that may wait to be delivered; the rest is for others',
};
type FlowReason = keyof typeof FLOW_REASONS;
const isFlowReason = (reason: AdmissionReason | FlowReason): reason is FlowReason => reason in FLOW_REASONS;

/** What a script replies when admission refuses: the reason, and the milliseconds after which to try again. */
export type FullReply = ['full', AdmissionReason | FlowReason, number];

/** The error of a submission that admission refused: `quota_exceeded` where a limit or share of the caller did, else `queue_full`. */
export function admissionError([, reason, retryAfterMs]: FullReply): FacequeueError {
  if (isFlowReason(reason)) return new FacequeueError('quota_exceeded', FLOW_REASONS[reason], { retryAfterMs });
  return new FacequeueError('queue_full', refusalText(reason), { retryAfterMs, reason });
}
