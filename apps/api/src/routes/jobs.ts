import type { JobRecord } from '@facequeue/queue';
import { FacequeueError, isTerminal, readJobQuery } from '@facequeue/schema';
import { jobResource } from '@facequeue/schema/job-resource';
import type { Request, Response } from 'express';
import { contextOf } from '../http/context.ts';
import { awaitEnd } from '../jobs/await.ts';
import { knownJob, unknown } from '../jobs/known.ts';
import { lookAgainMs, retryAfter } from '../jobs/retry-after.ts';
import { countTold } from '../metrics/count.ts';
import type { Services } from '../services.ts';
import { jobIdOf, queryOf, type Route, refuseOptions } from './route.ts';

export function jobRoutes(services: Services): Route[] {
  const { queue, config } = services;
  const answer = (response: Response, job: JobRecord) => {
    countTold(services.metrics, job);
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
        refuseOptions(request);
        const id = jobIdOf(request, response);
        if (!(await queue.erase(id, contextOf(response).owner))) throw await unknown(queue, id, 'job');
        response.status(204).end();
      },
    },
    {
      method: 'post',
      path: '/jobs/{id}/cancel',
      async handle(request, response) {
        refuseOptions(request);
        const id = jobIdOf(request, response);
        const known = await knownJob(queue, id, contextOf(response).owner);
        const job = isTerminal(known.status) ? known : await queue.cancel(id);
        if (!job) throw await unknown(queue, id, 'job');
        if (job.status !== 'canceled') {
          throw new FacequeueError('conflict', `the job has ended: it ${job.status}`, { jobId: id });
        }
        answer(response, job);
      },
    },
  ];
}

/** The job of a GET, as soon as it has ended or the time its caller waits is up. */
async function polledJob({ queue, drain }: Services, request: Request, response: Response): Promise<JobRecord> {
  const { wait: waitS = 0 } = readJobQuery(queryOf(request));
  const id = jobIdOf(request, response);
  const { owner } = contextOf(response);
  // Subscribing comes before the read, so that no end is missed.
  using wait = waitS > 0 ? queue.wait(id) : null;
  const known = await knownJob(queue, id, owner);
  if (isTerminal(known.status)) return known;
  const ended = wait && (await awaitEnd(wait, waitS * 1000, response, drain));
  if (ended) return ended;
  const job = wait ? await knownJob(queue, id, owner) : known;
  if (!isTerminal(job.status)) {
    // Whoever has just waited may go on waiting, unless this gateway is about to end.
    const ms = wait && !drain.draining ? 0 : await lookAgainMs(queue, job.queue);
    response.setHeader('Retry-After', retryAfter(ms));
  }
  return job;
}
