import type { JobRecord } from '@facequeue/queue';
import { isTerminal } from '@facequeue/schema';
import type { Request, Response } from 'express';
import { contextOf } from '../http/context.ts';
import { EventStream } from '../http/event-stream.ts';
import { nextReading } from '../http/next-reading.ts';
import { untilGone } from '../http/until-gone.ts';
import { eventOf, stateId } from '../jobs/events.ts';
import { knownJob } from '../jobs/known.ts';
import { countTold } from '../metrics/count.ts';
import type { Services } from '../services.ts';
import { jobIdOf, type Route, refuseOptions } from './route.ts';

/** The states of a job as they come, until its end. */
export function jobEventRoutes(services: Services): Route[] {
  return [
    {
      method: 'get',
      path: '/jobs/{id}/events',
      handle: (request, response) => follow(services, request, response),
    },
  ];
}

async function follow(
  { queue, config, drain, metrics }: Services,
  request: Request,
  response: Response,
): Promise<void> {
  refuseOptions(request);
  const id = jobIdOf(request, response);
  // Before the first read, so that no change after it is missed.
  using changes = queue.subscribe(id);
  let job: JobRecord | null = await knownJob(queue, id, contextOf(response).owner);
  let seen = String(request.headers['last-event-id'] ?? '');
  if (isTerminal(job.status) && seen === stateId(job)) {
    // Nothing will follow: 204 tells an EventSource not to come back.
    response.status(204).end();
    return;
  }
  const stream = new EventStream(response);
  if (request.method === 'HEAD') return stream.end();

  using gone = untilGone(response);
  using _ = drain.beginning(gone.controller);
  // A job erased or expired meanwhile just ends its stream: whoever comes back for more is told 410.
  for (; job; job = await nextReading(changes, () => queue.read(id), stream, gone.controller.signal)) {
    if (stateId(job) !== seen) {
      stream.send(eventOf(job, config.BASE_PATH, Date.now()));
      countTold(metrics, job);
    }
    seen = stateId(job);
    if (isTerminal(job.status)) break;
  }
  if (gone.controller.signal.aborted) stream.move();
  else stream.end();
}
