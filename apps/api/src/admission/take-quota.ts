import type { Quotas } from '@facequeue/queue';
import { FacequeueError } from '@facequeue/schema';
import type { Response } from 'express';
import type { Caller } from '../http/caller.ts';
import { rateLimit, rateLimitPolicy } from './rate-limit.ts';

/**
 * Lets a call in within the rate and concurrency of its key, or refuses it; the answer says what is left. The call is in progress until
 * its answer has been sent or its client has disconnected. A call of a key without these limits costs nothing.
 * @throws quota_exceeded, unavailable
 */
export async function takeQuota(quotas: Quotas, caller: Caller, response: Response): Promise<void> {
  const policy = rateLimitPolicy(caller);
  if (policy === null) return;
  const quota = await quotas.take(caller.owner, caller);
  // The client may have disconnected while Redis was asked.
  if (response.closed) quota.release();
  else response.once('close', quota.release);
  response.setHeader('RateLimit-Policy', policy);
  response.setHeader('RateLimit', rateLimit(caller, quota)!);
  if (!quota.refusedBy) return;
  throw new FacequeueError('quota_exceeded', `the key ${caller.owner} ${REASONS[quota.refusedBy]}`, {
    retryAfterMs: quota.retryAfterMs,
  });
}

const REASONS = {
  rate: 'has used up its rate of calls',
  concurrent: 'has as many calls in progress as it may',
};
