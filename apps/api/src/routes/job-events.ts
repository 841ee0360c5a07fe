import type { Follow, JobQueue, JobRecord } from '@facequeue/queue';
import { isTerminal } from '@facequeue/schema';
import type { Request, Response } from 'express';
import { contextOf } from '../http/context.ts';
import { EventStream } from '../http/event-stream.ts';
import { untilGone } from '../http/until-gone.ts';
import { eventOf, stateId } from '../jobs/events.ts';
import { knownJob } from '../jobs/known.ts';
import { isUnavailable } from '../problem/unavailable.ts';
import type { Services } from '../services.ts';
import { jobIdOf, type Route, refuseOptions } from './route.ts';

/** How soon a client comes back when its stream breaks, ms. */
const RETRY_MS = 2000;
/** And when its gateway ends: spread, so that not all come to the next one at once. */
const MOVE_MS = [500, 3000] as const;

/** A sign of life at least this often. */
const HEARTBEAT_MS = 15_000;
/** A record that could not be read is looked at again after this. */
const READ_AGAIN_MS = 1000;

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

async function follow({ queue, config, drain }: Services, request: Request, response: Response): Promise<void> {
  refuseOptions(request);
  const id = jobIdOf(request, response);
  // Before the first read, so that no change after it is missed.
  using changes = queue.follow(id);
  let job: JobRecord | null = await knownJob(queue, id, contextOf(response).owner);
  let seen = String(request.headers['last-event-id'] ?? '');
  if (isTerminal(job.status) && seen === stateId(job)) {
    // Nothing will follow: 204 tells an EventSource not to come back.
    response.status(204).end();
    return;
  }
  const stream = new EventStream(response, RETRY_MS);
  if (request.method === 'HEAD') return stream.end();

  using gone = untilGone(response);
  using _ = drain.beginning(gone.controller);
  // A job erased or expired meanwhile just ends its stream: whoever comes back for more is told 410.
  for (; job; job = await nextState(queue, id, changes, stream, gone.controller.signal)) {
    if (stateId(job) !== seen) stream.send(eventOf(job, config.BASE_PATH, Date.now()));
    seen = stateId(job);
    if (isTerminal(job.status)) break;
  }
  if (gone.controller.signal.aborted) stream.end(Math.round(MOVE_MS[0] + Math.random() * (MOVE_MS[1] - MOVE_MS[0])));
  else stream.end();
}

/** The record when it may have changed; null when it is gone or `signal` aborts. Meanwhile it keeps the stream alive. */
async function nextState(
  queue: JobQueue,
  id: string,
  changes: Follow,
  stream: EventStream,
  signal: AbortSignal,
): Promise<JobRecord | null> {
  for (let unread = false; ; ) {
    const told = await changes.changed(unread ? READ_AGAIN_MS : HEARTBEAT_MS, signal);
    if (signal.aborted) return null;
    if (!told) stream.comment();
    if (!told && !unread) continue;
    try {
      return await queue.read(id);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      unread = true;
    }
  }
}
