import { type GatewayQueue, type NewJob, newJobId } from '@facequeue/queue';
import { FacequeueError, isTerminal, readDetectionQuery } from '@facequeue/schema';
import { endError, type JobView, jobPath, jobResource, resultOf } from '@facequeue/schema/job-resource';
import type { Request, Response } from 'express';
import { refuseWhenFull } from '../admission/load-shedding.ts';
import { LEAST_RETRY_MS, lookAgainMs, retryAfter } from '../admission/retry-after.ts';
import { webhookReceiver } from '../auth/webhook-receiver.ts';
import { announcedBody, withImage } from '../body/image.ts';
import { ClientDisconnected } from '../http/client-disconnected.ts';
import { contextOf } from '../http/context.ts';
import { countReported } from '../http/count.ts';
import { queryOf, type Route } from '../http/route.ts';
import { isUnavailable } from '../http/unavailable.ts';
import { submitJob } from '../jobs/submit.ts';
import { waitForEnd } from '../jobs/wait-for-end.ts';
import type { Services } from '../services.ts';
import { idempotency, readIdempotencyKey } from './idempotency.ts';
import { appliedPreferences, type Preferences, readPreferences } from './prefer.ts';
import { serverTiming } from './server-timing.ts';

/** The paths are one operation: an idempotency key means the same on each. */
const OPERATION = 'face_detection';

/** An image in, its faces out, or the job that finds them. */
export function detectionRoutes(services: Services): Route[] {
  const handle = (request: Request, response: Response) => detect(services, request, response);
  const paths = ['/face_detection', '/face-detection', '/invocations'];
  return paths.map((path) => ({ method: 'post', path, body: true, handle }));
}

async function detect(services: Services, request: Request, response: Response): Promise<void> {
  const { config, queue } = services;
  const context = contextOf(response);
  const compat = config.COMPAT === 'aws';
  response.setHeader('Vary', 'Prefer');

  // Everything that can be refused unread is refused before the body is asked for.
  const preferences = readPreferences(request.headers.prefer);
  const { respondAsync } = preferences;
  const atOnce = respondAsync && preferences.waitMs === null;
  const key = readIdempotencyKey(request.headers['idempotency-key']);
  const { options, queue: name, webhookUrl } = readDetectionQuery(queryOf(request));
  const webhook = webhookUrl === undefined ? undefined : webhookReceiver(webhookUrl, context.owner, config);
  const announced = announcedBody(request, config.MAX_IMAGE_BYTES);
  // A repeated call is given its job however full the queue is; only `submit` can tell.
  if (key === null) await refuseWhenFull(queue, name);

  const id = newJobId();
  using ownWait = queue.wait(id);
  const limits = { maxImageBytes: config.MAX_IMAGE_BYTES, timeoutMs: config.BODY_TIMEOUT, lenient: compat };
  const submitted = await withImage(request, response, announced, services.bodyMemory, limits, async (image) => {
    const asked = {
      queue: name,
      source:
        'url' in image ? { kind: 'url' as const, url: image.url } : { kind: 'inline' as const, bytes: image.bytes },
      options: compat ? { ...options, orient: false } : options,
      ...(webhook !== undefined && { webhookUrl: webhook }),
    };
    const job: NewJob = {
      id,
      ...asked,
      requestId: context.requestId,
      owner: context.owner,
      startWithinMs: config.START_WITHIN,
      // Whoever takes the job for an answer loses nothing by a long queue.
      ...(!respondAsync && preferences.waitMs === null && { waitMs: config.SYNC_WAIT }),
      ...(key !== null && { idempotency: await idempotency(key, context.owner, OPERATION, asked) }),
    };
    return submitJob(queue, job);
  });

  // A replayed job has another id, and may have ended. Subscribing comes before the read, as it came before the submit.
  using otherWait = submitted.id === id ? null : queue.wait(submitted.id);
  let job: JobView = submitted.id === id ? submitted : ((await queue.read(submitted.id)) ?? submitted);
  if (submitted.id === id) services.metrics.count('facequeue_jobs_accepted_total', { queue: name });
  context.jobId = job.id;
  response.setHeader('X-Job-Id', job.id);
  response.setHeader('Location', jobPath(job.id, config.BASE_PATH));

  let redisAway = false;
  if (!isTerminal(job.status) && !atOnce) {
    try {
      const waitMs = preferences.waitMs ?? config.SYNC_WAIT;
      job = (await waitForEnd(otherWait ?? ownWait, waitMs, response, services.shutdown)) ?? job;
    } catch (error) {
      // Nobody else can know of the job. One that runs already is let run: its time is spent.
      if (error instanceof ClientDisconnected && !respondAsync && key === null) await queue.cancel(job.id, 'queued');
      redisAway = isUnavailable(error);
      if (!redisAway) throw error;
    }
  }
  if (isTerminal(job.status) && !atOnce) {
    countReported(services.metrics, job);
    return answerEnd(response, job, preferences);
  }

  if (!redisAway && !atOnce) job = await latest(queue, job);
  const retryAfterMs = redisAway ? LEAST_RETRY_MS : await lookAgainMs(queue, job.queue);
  if (!respondAsync && preferences.waitMs === null) {
    throw new FacequeueError('wait_timeout', `the job is not done yet; ask for ${job.id} later`, {
      jobId: job.id,
      retryAfterMs,
    });
  }
  countReported(services.metrics, job);
  response.setHeader('Preference-Applied', appliedPreferences(preferences, true));
  if (!isTerminal(job.status)) response.setHeader('Retry-After', retryAfter(retryAfterMs));
  response.status(202).json(jobResource(job, config.BASE_PATH));
}

/**
 * The job as it is by now; as it was when Redis has just gone away. It is accepted whatever becomes of Redis, so its caller is
 * told where it will be.
 */
async function latest(queue: GatewayQueue, job: JobView): Promise<JobView> {
  try {
    return (await queue.read(job.id)) ?? job;
  } catch (error) {
    if (isUnavailable(error)) return job;
    throw error;
  }
}

/** The faces, or the error with which the job ended. */
function answerEnd(response: Response, job: JobView, preferences: Preferences): void {
  const applied = appliedPreferences(preferences, false);
  if (applied) response.setHeader('Preference-Applied', applied);
  const timing = serverTiming(job.timings);
  if (timing) response.setHeader('Server-Timing', timing);
  if (job.status !== 'succeeded') throw endError(job);
  response.json(resultOf(job));
}
