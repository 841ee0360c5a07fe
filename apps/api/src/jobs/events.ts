import type { JobRecord } from '@facequeue/queue';
import { isTerminal } from '@facequeue/schema';
import type { Request, Response } from 'express';
import { abortOnDisconnect } from '../http/abort-on-disconnect.ts';
import { contextOf } from '../http/context.ts';
import { countReported } from '../http/count.ts';
import { pollStream } from '../http/poll-stream.ts';
import { idOf } from '../http/resource-id.ts';
import { type Route, refuseQuery } from '../http/route.ts';
import { EventStream } from '../http/sse.ts';
import type { Services } from '../services.ts';
import { lookupJob } from './lookup.ts';
import { eventOf, stateId } from './state-event.ts';

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
  { queue, config, shutdown, metrics }: Services,
  request: Request,
  response: Response,
): Promise<void> {
  refuseQuery(request);
  const id = idOf(request, response, 'job');
  // Before the first read, so that no change after it is missed.
  using changes = queue.subscribe(id);
  let job: JobRecord | null = await lookupJob(queue, id, contextOf(response).owner);
  let seen = String(request.headers['last-event-id'] ?? '');
  if (isTerminal(job.status) && seen === stateId(job)) {
    // Nothing will follow: 204 tells an EventSource not to come back.
    response.status(204).end();
    return;
  }
  const stream = new EventStream(response);
  if (request.method === 'HEAD') return stream.end();

  using gone = abortOnDisconnect(response);
  using _ = shutdown.abortOnBegin(gone.controller);
  // A job erased or expired meanwhile just ends its stream: whoever comes back for more is told 410.
  for (; job; job = await pollStream(changes, () => queue.read(id), stream, gone.controller.signal)) {
    if (stateId(job) !== seen) {
      stream.send(eventOf(job, config.BASE_PATH, Date.now()));
      countReported(metrics, job);
    }
    seen = stateId(job);
    if (isTerminal(job.status)) break;
  }
  if (gone.controller.signal.aborted) stream.move();
  else stream.end();
}
