import type { RefusalReason } from '@facequeue/schema';

/** Why limits/admission.lua refuses, as callers are told. */
const REASONS: Record<Exclude<RefusalReason, 'bodies'>, string> = {
  waiting: 'Too many jobs are waiting.',
  listed: 'Too many jobs are waiting.',
  blob_bytes: 'Too many image bytes are waiting.',
  result_bytes: 'Too many results are kept.',
  memory: 'The queue has no memory left.',
  host_webhooks: 'Too many webhooks of this receiver wait to be delivered.',
  webhooks: 'Too many webhooks wait to be delivered.',
  camera: 'Too many frames of this camera are waiting.',
  cameras: 'Too many cameras have posted within a day.',
  oldest: 'Jobs have been waiting too long.',
  wait: 'The job would wait longer than the caller does.',
};

/** A reason as limits/admission.lua gives it. */
export type AdmissionReason = keyof typeof REASONS;

export function refusalText(reason: AdmissionReason): string {
  return REASONS[reason];
}

/** The limits in the order the scripts take them. */
export function limitArguments(limits: AdmissionLimits): [number, number, number, number] {
  return [limits.maxWaiting, limits.maxBlobBytes, limits.maxResultBytes, limits.maxOldestMs];
}

/** No limits, for tools and tests that bring their own. */
export const UNLIMITED: AdmissionLimits = {
  maxWaiting: Number.MAX_SAFE_INTEGER,
  maxBlobBytes: Number.MAX_SAFE_INTEGER,
  maxResultBytes: Number.MAX_SAFE_INTEGER,
  maxOldestMs: Number.MAX_SAFE_INTEGER,
};
