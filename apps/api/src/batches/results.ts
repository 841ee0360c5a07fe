import { readResultsQuery } from '@facequeue/schema';
import { itemLine } from '@facequeue/schema/batch-resource';
import type { Request, Response } from 'express';
import { abortOnDisconnect } from '../http/abort-on-disconnect.ts';
import { contextOf } from '../http/context.ts';
import { LineStream } from '../http/ndjson.ts';
import { idOf } from '../http/resource-id.ts';
import { queryOf } from '../http/route.ts';
import type { Services } from '../services.ts';
import { lookupBatch } from './lookup.ts';

/** Lines asked of the queue at a time; it gives fewer when they are large. */
const PAGE = 256;
/** A sign of life at least this often. */
const HEARTBEAT_MS = 15_000;

/**
 * Answers with the results there are, or with `follow` all there will be. Its end says that this was all; when this gateway ends
 * first, Redis goes away or the batch is erased, the connection is cut.
 * @throws what is wrong with the request; unavailable
 */
export async function streamResults(
  { queue, shutdown }: Services,
  request: Request,
  response: Response,
): Promise<void> {
  const { after, follow, limit } = readResultsQuery(queryOf(request));
  const id = idOf(request, response, 'batch');
  const { owner } = contextOf(response);
  // Before the first read, so that no change after it is missed.
  using changes = follow ? queue.subscribe(id) : null;
  let { complete } = await lookupBatch(queue, id, owner);
  const stream = new LineStream(response);
  if (request.method === 'HEAD') return stream.end();

  using gone = abortOnDisconnect(response);
  const { signal } = gone.controller;
  // Whoever follows can go on at another gateway at once.
  using _ = follow ? shutdown.abortOnBegin(gone.controller) : shutdown.abortOnGraceEnd(gone.controller);
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
    if (!(await changes.nextChange(HEARTBEAT_MS, signal)) && !signal.aborted) stream.alive();
    // Before the page: what is complete now has no results that the next page does not know of.
    if (!signal.aborted) ({ complete } = await lookupBatch(queue, id, owner));
  }
  stream.cut();
}
