import { readResultsQuery } from '@facequeue/schema';
import { itemLine } from '@facequeue/schema/batch-resource';
import type { Request, Response } from 'express';
import { abortOnDisconnect } from '../http/abort-on-disconnect.ts';
import { contextOf } from '../http/context.ts';
import { idOf } from '../http/resource-id.ts';
import { queryOf } from '../http/route.ts';
import type { Services } from '../services.ts';
import { NdjsonStream } from '../streaming/ndjson.ts';
import { lookupBatch } from './lookup.ts';

/** Most results read at a time; the queue returns fewer when they are large. */
const PAGE = 256;
/** A heartbeat is sent after this long without a result. */
const HEARTBEAT_MS = 15_000;

/**
 * Streams the results so far, or with `follow` until the batch is complete. A proper end means that no result is missing. When this
 * gateway shuts down, Redis becomes unreachable or the batch is erased first, the connection is cut.
 * @throws the errors of an invalid request; quota_exceeded, queue_full, unavailable
 */
export async function streamResults(
  { queue, shutdown, streams }: Services,
  request: Request,
  response: Response,
): Promise<void> {
  const { after, follow, limit } = readResultsQuery(queryOf(request));
  const id = idOf(request, response, 'batch');
  const { owner, flow } = contextOf(response);
  streams.take(flow, response);
  // The subscription begins before the first read, so that no change is missed.
  using changes = follow ? queue.subscribe(id) : null;
  let { complete } = await lookupBatch(queue, id, owner);
  const stream = new NdjsonStream(response);
  if (request.method === 'HEAD') return stream.end();

  using disconnect = abortOnDisconnect(response);
  const { controller } = disconnect;
  const { signal } = controller;
  // A client that follows can resume at another gateway at once.
  using _ = follow ? shutdown.abortOnBegin(controller) : shutdown.abortOnGraceEnd(controller);
  let cursor = after;
  let left = limit;
  while (!signal.aborted) {
    const page = await queue.batches.results(id, cursor, Math.min(PAGE, left));
    for (const item of page) {
      if (signal.aborted) break;
      await stream.send(itemLine(item));
      cursor = item.cursor;
      left--;
    }
    if (left === 0) return stream.end();
    if (page.length > 0) continue;
    if (!changes || complete) return stream.end();
    if (!(await changes.nextChange(HEARTBEAT_MS, signal)) && !signal.aborted) stream.heartbeat();
    // Read before the page: a batch that is complete now has no results beyond the next page.
    if (!signal.aborted) ({ complete } = await lookupBatch(queue, id, owner));
  }
  stream.cut();
}
