import type { JobRecord } from '@facequeue/queue';
import { FacequeueError, isTerminal, readJobQuery } from '@facequeue/schema';
import { jobResource } from '@facequeue/schema/job-resource';
import type { Request, Response } from 'express';
import { lookAgainMs, retryAfter } from '../admission/retry-after.ts';
import { contextOf } from '../http/context.ts';
import { countReported } from '../http/count.ts';
import { idOf, missing } from '../http/resource-id.ts';
import { queryOf, type Route, refuseQuery } from '../http/route.ts';
import type { Services } from '../services.ts';
import { lookupJob } from './lookup.ts';
import { waitForEnd } from './wait-for-end.ts';

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
      handle: async (request, response) => answer(response, await polledJob(services, request, response)),
    },
    {
      method: 'delete',
      path: '/jobs/{id}',
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
      async handle(request, response) {
        refuseQuery(request);
        const id = idOf(request, response, 'job');
        const known = await lookupJob(queue, id, contextOf(response).owner);
        const job = isTerminal(known.status) ? known : await queue.cancel(id);
        if (!job) throw await missing(queue, id, 'job');
        if (job.status !== 'canceled') {
          throw new FacequeueError('conflict', `the job has ended: it ${job.status}`, { jobId: id });
        }
        answer(response, job);
      },
    },
  ];
}

/** The job of a GET, as soon as it has ended or the time its caller waits is up. */
async function polledJob({ queue, shutdown }: Services, request: Request, response: Response): Promise<JobRecord> {
  const { wait: waitS = 0 } = readJobQuery(queryOf(request));
  const id = idOf(request, response, 'job');
  const { owner } = contextOf(response);
  // Subscribing comes before the read, so that no end is missed.
  using wait = waitS > 0 ? queue.wait(id) : null;
  const known = await lookupJob(queue, id, owner);
  if (isTerminal(known.status)) return known;
  const ended = wait && (await waitForEnd(wait, waitS * 1000, response, shutdown));
  if (ended) return ended;
  const job = wait ? await lookupJob(queue, id, owner) : known;
  if (!isTerminal(job.status)) {
    // Whoever has just waited may go on waiting, unless this gateway is about to end.
    const ms = wait && !shutdown.shuttingDown ? 0 : await lookAgainMs(queue, job.queue);
    response.setHeader('Retry-After', retryAfter(ms));
  }
  return job;
}
