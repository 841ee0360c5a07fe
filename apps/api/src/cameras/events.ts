import type { FrameResult } from '@facequeue/queue';
import { OLDEST, readCameraName, readEventsStart } from '@facequeue/schema';
import { frameEvent } from '@facequeue/schema/camera-resource';
import type { Request, Response } from 'express';
import { abortOnDisconnect } from '../http/abort-on-disconnect.ts';
import { contextOf } from '../http/context.ts';
import { pollStream } from '../http/poll-stream.ts';
import { queryOf, type Route } from '../http/route.ts';
import { EventStream } from '../http/sse.ts';
import type { Services } from '../services.ts';

/** Results read at a time: a few hundred kB of them at most. */
const PAGE = 16;
/** A client that has read nothing for so long is cut off, ms: longer than its network may be away. */
const STALLED_MS = 30_000;

/** The results of a camera's frames as they come; also of one that has posted none yet. */
export function cameraEventRoutes(services: Services): Route[] {
  return [
    {
      method: 'get',
      path: '/cameras/{camera}/events',
      handle: (request, response) => follow(services, request, response),
    },
  ];
}

async function follow({ queue, shutdown }: Services, request: Request, response: Response): Promise<void> {
  const camera = readCameraName(request.params['camera']);
  const start = readEventsStart(queryOf(request), request.headers['last-event-id']);
  const { owner } = contextOf(response);
  const { cameras } = queue;
  // Before the first read, so that no result after it is missed.
  using changes = queue.subscribe(cameras.topic(owner, camera));
  let after = start ?? (await cameras.newest(owner, camera));
  const read = () => cameras.results(owner, camera, after, PAGE);
  let page: FrameResult[] | null = await read();

  const stream = new EventStream(response);
  if (request.method === 'HEAD') return stream.end();
  stream.place(after || OLDEST);
  using gone = abortOnDisconnect(response);
  using _ = shutdown.abortOnBegin(gone.controller);
  const { signal } = gone.controller;
  while (page && !signal.aborted) {
    for (const frame of page) {
      stream.send({ id: frame.cursor, event: 'frame', data: frameEvent(camera, frame) });
      after = frame.cursor;
      if (!(await stream.left(STALLED_MS))) return;
    }
    page = await pollStream(changes, read, stream, signal, page.length > 0);
  }
  stream.move();
}
