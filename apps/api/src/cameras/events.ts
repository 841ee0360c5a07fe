import type { FrameResult } from '@facequeue/queue';
import { OLDEST, readCameraName, readEventsStart } from '@facequeue/schema';
import { frameEvent } from '@facequeue/schema/camera-resource';
import type { Request, Response } from 'express';
import { abortOnDisconnect } from '../http/abort-on-disconnect.ts';
import { contextOf } from '../http/context.ts';
import { queryOf } from '../http/route.ts';
import type { Services } from '../services.ts';
import { pollStream } from '../streaming/poll-stream.ts';
import { EventStream, eventText } from '../streaming/sse.ts';

/** Results read at a time: at most a few hundred kB. */
const PAGE = 16;
/** A client that has read nothing for this long is disconnected, ms: longer than a network usually fails. */
const STALLED_MS = 30_000;

/**
 * Streams the results of a camera's frames as they arrive, also for a camera that has posted none yet.
 * @throws invalid_request, quota_exceeded, queue_full, unavailable
 */
export async function streamFrames(
  { queue, shutdown, streams }: Services,
  request: Request,
  response: Response,
): Promise<void> {
  const camera = readCameraName(request.params['camera']);
  const start = readEventsStart(queryOf(request), request.headers['last-event-id']);
  const { owner, flow } = contextOf(response);
  streams.take(flow, response);
  const { cameras } = queue;
  // The subscription begins before the first read, so that no result is missed.
  using changes = queue.subscribe(cameras.topic(owner, camera));
  let after = start ?? (await cameras.newest(owner, camera));
  const read = () => cameras.results(owner, camera, after, PAGE);
  let page: readonly FrameResult[] | null = await read();

  const stream = new EventStream(response);
  if (request.method === 'HEAD') return stream.end();
  stream.sendPosition(after || OLDEST);
  using disconnect = abortOnDisconnect(response);
  using _ = shutdown.abortOnBegin(disconnect.controller);
  const { signal } = disconnect.controller;
  while (page && !signal.aborted) {
    for (const frame of page) {
      stream.sendText(textOf(camera, frame));
      after = frame.cursor;
      if (!(await stream.flushed(STALLED_MS))) return;
    }
    page = await pollStream(changes, read, stream, signal, page.length > 0);
  }
  stream.endForShutdown();
}

/** Texts of frames' events: all who follow a camera get the same objects from the queue, so each text is made once. */
const texts = new WeakMap<FrameResult, string>();

/** @param camera that the frame is of */
function textOf(camera: string, frame: FrameResult): string {
  const made = texts.get(frame);
  if (made !== undefined) return made;
  const text = eventText({ id: frame.cursor, event: 'frame', data: frameEvent(camera, frame) });
  texts.set(frame, text);
  return text;
}
