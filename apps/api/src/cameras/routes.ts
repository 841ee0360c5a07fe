import { newJobId } from '@facequeue/queue';
import { FacequeueError, readCameraName, readFrameQuery, readFrameTime } from '@facequeue/schema';
import { cameraResource } from '@facequeue/schema/camera-resource';
import { jobPath, jobResource } from '@facequeue/schema/job-resource';
import type { Request, Response } from 'express';
import { refuseWhenFull } from '../admission/load-shedding.ts';
import { announcedBody, withRawImage } from '../body/image.ts';
import { contextOf } from '../http/context.ts';
import { queryOf, type Route, refuseQuery } from '../http/route.ts';
import { submitFrame } from '../jobs/submit.ts';
import type { Services } from '../services.ts';

/** Frames in, and what each camera has done so far. */
export function cameraRoutes(services: Services): Route[] {
  const { queue, config } = services;
  return [
    {
      method: 'post',
      path: '/cameras/{camera}/frames',
      body: true,
      handle: (request, response) => takeFrame(services, request, response),
    },
    {
      method: 'get',
      path: '/cameras',
      async handle(request, response) {
        refuseQuery(request);
        const cameras = await queue.cameras.list(contextOf(response).owner);
        response.json({ cameras: cameras.map((camera) => cameraResource(camera, config.BASE_PATH)) });
      },
    },
    {
      method: 'get',
      path: '/cameras/{camera}',
      async handle(request, response) {
        refuseQuery(request);
        const name = readCameraName(request.params['camera']);
        const camera = await queue.cameras.read(contextOf(response).owner, name);
        if (!camera) throw new FacequeueError('not_found', 'no camera of this name has posted a frame within a day');
        response.json(cameraResource(camera, config.BASE_PATH));
      },
    },
  ];
}

async function takeFrame(services: Services, request: Request, response: Response): Promise<void> {
  const { config, queue } = services;
  const context = contextOf(response);
  const compat = config.COMPAT === 'aws';

  // Everything that can be refused unread is refused before the body is asked for.
  const camera = readCameraName(request.params['camera']);
  const { keep, maxAgeMs, options } = readFrameQuery(queryOf(request));
  const takenAt = readFrameTime(request.headers['x-frame-time']);
  const announced = announcedBody(request, config.MAX_IMAGE_BYTES, ['raw']);
  await refuseWhenFull(queue, 'cameras', async () => {
    if (keep !== 'latest') return false;
    const seen = await queue.cameras.read(context.owner, camera);
    return seen !== null && seen.counts.waiting > 0;
  });

  const limits = { maxImageBytes: config.MAX_IMAGE_BYTES, timeoutMs: config.BODY_TIMEOUT };
  const job = await withRawImage(request, response, announced, services.bodyMemory, limits, (bytes) =>
    submitFrame(queue, {
      id: newJobId(),
      camera,
      owner: context.owner,
      requestId: context.requestId,
      bytes,
      options: compat ? { ...options, orient: false } : options,
      keep,
      startWithinMs: maxAgeMs ?? config.START_WITHIN,
      takenAt,
    }),
  );
  services.metrics.count('facequeue_jobs_accepted_total', { queue: 'cameras' });
  context.jobId = job.id;
  response.setHeader('X-Job-Id', job.id);
  response.setHeader('Location', jobPath(job.id, config.BASE_PATH));
  response.status(202).json(jobResource(job, config.BASE_PATH));
}
