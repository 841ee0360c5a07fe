import { type NewJob, newJobId } from '@facequeue/queue';
import { FacequeueError, type QueueName, readDetectionQuery } from '@facequeue/schema';
import { endError, jobPath, resultOf } from '@facequeue/schema/job-resource';
import type { Request, Response } from 'express';
import { announcedBody, withImage } from '../body/image.ts';
import { contextOf } from '../http/context.ts';
import { awaitEnd } from '../jobs/await.ts';
import { serverTiming } from '../jobs/server-timing.ts';
import type { Services } from '../services.ts';
import { queryOf, type Route } from './route.ts';

/** Longest and shortest `Retry-After` while the queue is full, ms. */
const RETRY_RANGE_MS = [1000, 60_000] as const;

/** An image in, its faces out: the call waits for its job. */
export function detectionRoutes(services: Services): Route[] {
  const handle = (request: Request, response: Response) => detect(services, request, response);
  return ['/face_detection', '/face-detection', '/invocations'].map((path) => ({ method: 'post', path, handle }));
}

async function detect(services: Services, request: Request, response: Response): Promise<void> {
  const { config, queue } = services;
  const { SYNC_WAIT: waitMs, START_WITHIN: startWithinMs, MAX_IMAGE_BYTES: maxImageBytes } = config;
  const context = contextOf(response);
  const compat = config.COMPAT === 'aws';

  // Everything that can be refused unread is refused before the body is asked for.
  const { options, queue: name } = readDetectionQuery(queryOf(request));
  const announced = announcedBody(request, maxImageBytes);
  await refuseWhenFull(services, name);

  const id = newJobId();
  using wait = queue.wait(id);
  const limits = { maxImageBytes, timeoutMs: config.BODY_TIMEOUT, lenient: compat };
  await withImage(request, response, announced, services.budget, limits, async (image) => {
    const source: NewJob['source'] =
      'url' in image ? { kind: 'url', url: image.url } : { kind: 'inline', bytes: image.bytes };
    await queue.submit({
      id,
      queue: name,
      source,
      options: compat ? { ...options, orient: false } : options,
      requestId: context.requestId,
      owner: context.owner,
      startWithinMs,
      waitMs,
    });
  });
  context.jobId = id;
  response.setHeader('X-Job-Id', id);
  response.setHeader('Location', jobPath(id, config.BASE_PATH));

  const job = await awaitEnd(queue, wait, id, waitMs, response, services.drain);
  const timing = serverTiming(job.timings);
  if (timing) response.setHeader('Server-Timing', timing);
  if (job.status !== 'succeeded') throw endError(job);
  response.json(resultOf(job));
}

/** A look that costs nothing, so that a full installation does not receive bodies to refuse; `submit` decides. */
async function refuseWhenFull({ queue }: Services, name: QueueName): Promise<void> {
  const { full, queues } = await queue.snapshot();
  const reason = full[name];
  if (reason === null) return;
  const { waiting, drainRate } = queues[name];
  const [least, most] = RETRY_RANGE_MS;
  // A tenth of what waits will be done by then.
  const untilRoom = drainRate > 0 ? (waiting / drainRate) * 100 : most;
  throw new FacequeueError('queue_full', reason, { retryAfterMs: Math.min(most, Math.max(least, untilRoom)) });
}
