import type { JobRecord } from '@facequeue/queue';
import { FacequeueError, isTerminal, readJobQuery } from '@facequeue/schema';
import { jobResource } from '@facequeue/schema/job-resource';
import type { Request, Response } from 'express';
import { pollAfterMs, retryAfter } from '../admission/retry-after.ts';
import { contextOf } from '../http/context.ts';
import { idOf, missing } from '../http/resource-id.ts';
import { queryOf, type Route, refuseQuery } from '../http/route.ts';
import type { Services } from '../services.ts';
import { countReported } from './count-reported.ts';
import { streamJob } from './events.ts';
import { lookupJob } from './lookup.ts';
import { waitForEnd } from './wait-for-end.ts';

/** Jobs: read, follow, cancel, delete. */
export function jobRoutes(services: Services): Route[] {
  const { queue, config } = services;
  const answer = (response: Response, job: JobRecord) => {
    countReported(services.metrics, job);
    response.json(jobResource(job, config.BASE_PATH));
  };
  return [
    {
      method: 'get',
      path: '/jobs/{id}',
      scope: 'jobs',
      handle: async (request, response) => answer(response, await pollJob(services, request, response)),
    },
    {
      method: 'delete',
      path: '/jobs/{id}',
      scope: 'jobs',
      async handle(request, response) {
        refuseQuery(request);
        const id = idOf(request, response, 'job');
        if (!(await queue.erase(id, contextOf(response).owner))) throw await missing(queue, id, 'job');
        response.status(204).end();
      },
    },
    {
      method: 'post',
      path: '/jobs/{id}/cancel',
      scope: 'jobs',
      async handle(request, response) {
        refuseQuery(request);
        const id = idOf(request, response, 'job');
        const before = await lookupJob(queue, id, contextOf(response).owner);
        const job = isTerminal(before.status) ? before : await queue.cancel(id);
        if (!job) throw await missing(queue, id, 'job');
        if (job.status !== 'canceled') {
          throw new FacequeueError('conflict', `the job has ended: it ${job.status}`, { jobId: id });
        }
        answer(response, job);
      },
    },
    {
      method: 'get',
      path: '/jobs/{id}/events',
      scope: 'jobs',
      handle: (request, response) => streamJob(services, request, response),
    },
  ];
}

/** Reads the job of a GET, once it has ended or the caller's `wait` is over. */
async function pollJob(
  { queue, shutdown, openWaits }: Services,
  request: Request,
  response: Response,
): Promise<JobRecord> {
  const { wait: waitS = 0 } = readJobQuery(queryOf(request));
  const id = idOf(request, response, 'job');
  const { owner, flow } = contextOf(response);
  if (waitS > 0) openWaits.take(flow, response);
  // The wait begins before the read, so that no end is missed.
  using wait = waitS > 0 ? queue.wait(id) : null;
  const before = await lookupJob(queue, id, owner);
  if (isTerminal(before.status)) return before;
  const ended = wait && (await waitForEnd(wait, waitS * 1000, response, shutdown));
  if (ended) return ended;
  const job = wait ? await lookupJob(queue, id, owner) : before;
  if (!isTerminal(job.status)) {
    // A caller that has just waited may wait again at once, unless this gateway is shutting down.
    const ms = wait && !shutdown.begun ? 0 : await pollAfterMs(queue, job.queue);
    response.setHeader('Retry-After', retryAfter(ms));
  }
  return job;
}
