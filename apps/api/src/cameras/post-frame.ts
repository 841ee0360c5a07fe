import { newJobId } from '@facequeue/queue';
import { FacequeueError, readCameraName, readFrameQuery, readFrameTime, requireSource } from '@facequeue/schema';
import { jobResource } from '@facequeue/schema/job-resource';
import type { Request, Response } from 'express';
import { refuseWhenFull } from '../admission/load-shedding.ts';
import { imageTooLarge } from '../body/body-cap.ts';
import { announcedBody } from '../body/image-body.ts';
import { receiveBody } from '../body/receive-body.ts';
import { uploadLimits } from '../body/upload-limits.ts';
import { compatOptions } from '../detection/compat-options.ts';
import { contextOf } from '../http/context.ts';
import { queryOf } from '../http/route.ts';
import { nameJob } from '../jobs/name-job.ts';
import { queuedView } from '../jobs/queued-view.ts';
import type { Services } from '../services.ts';

/**
 * Submits a frame and answers with its job.
 * @throws the errors of an invalid request; source_forbidden, body_too_large, request_timeout, queue_full, quota_exceeded, unavailable,
 * ClientDisconnected
 */
export async function postFrame(services: Services, request: Request, response: Response): Promise<void> {
  const { config, queue, bodyMemory: memory, metrics } = services;
  const { owner, flow, requestId } = contextOf(response);

  // What the headers rule out is refused before the body is requested.
  const camera = readCameraName(request.params['camera']);
  const { keep, maxAgeMs, options } = readFrameQuery(queryOf(request));
  const takenAt = readFrameTime(request.headers['x-frame-time']);
  const limits = uploadLimits(config, contextOf(response));
  const { maxImageBytes, maxPending } = limits;
  requireSource(limits.sources, 'inline');
  const body = announcedBody(request, maxImageBytes, ['raw']);
  await refuseWhenFull(queue, 'cameras', flow, async () => {
    if (keep !== 'latest') return false;
    const seen = await queue.cameras.read(owner, camera);
    return seen !== null && seen.counts.waiting > 0;
  });

  const tooLarge = () => imageTooLarge(maxImageBytes);
  const job = await receiveBody(request, response, { ...body, memory, pace: limits, tooLarge }, async (bytes) => {
    if (bytes.length === 0) throw new FacequeueError('invalid_request', 'the body is empty', { parameter: 'img' });
    const result = await queue.cameras.submit({
      id: newJobId(),
      camera,
      owner,
      flow,
      ...(maxPending !== null && { maxPending }),
      requestId,
      bytes,
      options: compatOptions(options, config),
      keep,
      startTimeoutMs: maxAgeMs ?? config.START_WITHIN,
      takenAt,
    });
    return queuedView(result, { queue: 'cameras', source: { kind: 'inline' }, frame: { camera, takenAt } });
  });
  metrics.count('facequeue_jobs_accepted_total', { queue: 'cameras' });
  nameJob(response, job.id, config.BASE_PATH);
  response.status(202).json(jobResource(job, config.BASE_PATH));
}
