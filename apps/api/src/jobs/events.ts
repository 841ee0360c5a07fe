import type { JobRecord } from '@facequeue/queue';
import { isTerminal } from '@facequeue/schema';
import type { Request, Response } from 'express';
import { abortOnDisconnect } from '../http/abort-on-disconnect.ts';
import { contextOf } from '../http/context.ts';
import { idOf } from '../http/resource-id.ts';
import { refuseQuery } from '../http/route.ts';
import type { Services } from '../services.ts';
import { pollStream } from '../streaming/poll-stream.ts';
import { EventStream } from '../streaming/sse.ts';
import { countReported } from './count-reported.ts';
import { lookupJob } from './lookup.ts';
import { stateEvent, stateId } from './state-event.ts';

/**
 * Streams the states of a job until its end.
 * @throws not_found, gone, quota_exceeded, queue_full, unavailable
 */
export async function streamJob(
  { queue, config, shutdown, metrics, streams }: Services,
  request: Request,
  response: Response,
): Promise<void> {
  refuseQuery(request);
  const id = idOf(request, response, 'job');
  streams.take(contextOf(response).flow, response);
  // The subscription begins before the first read, so that no change is missed.
  using changes = queue.subscribe(id);
  let job: JobRecord | null = await lookupJob(queue, id, contextOf(response).owner);
  let seen = String(request.headers['last-event-id'] ?? '');
  if (isTerminal(job.status) && seen === stateId(job)) {
    // Nothing will follow: 204 tells an EventSource not to reconnect.
    response.status(204).end();
    return;
  }
  const stream = new EventStream(response);
  if (request.method === 'HEAD') return stream.end();

  using disconnect = abortOnDisconnect(response);
  const { signal } = disconnect.controller;
  using _ = shutdown.abortOnBegin(disconnect.controller);
  // When the job is erased or expires meanwhile, its stream just ends: a client that reconnects gets 410.
  for (; job; job = await pollStream(changes, () => queue.read(id), stream, signal)) {
    if (stateId(job) !== seen) {
      stream.send(stateEvent(job, config.BASE_PATH, Date.now()));
      countReported(metrics, job);
    }
    seen = stateId(job);
    if (isTerminal(job.status)) break;
  }
  if (signal.aborted) stream.endForShutdown();
  else stream.end();
}
