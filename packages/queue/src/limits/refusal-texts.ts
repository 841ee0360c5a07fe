import type { RefusalReason } from '@facequeue/schema/errors';

/** Texts of the reasons for which admission.lua refuses; the other reasons are limits of one gateway. */
const REASONS: Record<Exclude<RefusalReason, 'bodies' | 'streams' | 'open_waits' | 'connections'>, string> = {
  waiting: 'too many jobs are waiting',
  listed: 'too many jobs are waiting',
  blob_bytes: 'too many image bytes are waiting',
  result_bytes: 'too many results are kept',
  memory: 'the queue has no memory left',
  host_webhooks: 'too many webhooks of this receiver wait to be delivered',
  webhooks: 'too many webhooks wait to be delivered',
  camera: 'too many frames of this camera are waiting',
  open_batches: 'too many batches are open',
  cameras: 'too many cameras post frames',
  oldest: 'jobs have been waiting too long',
  wait: 'the job would wait longer than its caller',
};

/** A reason as admission.lua returns it. */
export type AdmissionReason = keyof typeof REASONS;

/** Why admission refuses, as callers read it. */
export function refusalText(reason: AdmissionReason): string {
  return REASONS[reason];
}
