/** Ids of jobs and batches in paths. */
import { type GatewayQueue, jobIdTime } from '@facequeue/queue';
import { FacequeueError } from '@facequeue/schema';
import type { Request, Response } from 'express';
import { contextOf } from './context.ts';

/** A resource that has an id. */
export type Noun = 'job' | 'batch';

/** How far another gateway's clock may be ahead of ours, ms. */
const CLOCK_SKEW_MS = 60_000;

/**
 * The id in the path, in lower case as the queue stores it. Adds it to the request's log line.
 * @throws not_found when the text is not an id
 */
export function idOf(request: Request, response: Response, noun: Noun): string {
  const text = request.params['id'];
  if (typeof text !== 'string' || jobIdTime(text) === undefined) {
    throw new FacequeueError('not_found', `this is not the id of a ${noun}`);
  }
  const id = text.toLowerCase();
  contextOf(response)[noun === 'job' ? 'jobId' : 'batchId'] = id;
  return id;
}

/**
 * The error for a job or batch that the caller cannot have: `gone` when this installation may have created the id (it expired, was
 * deleted, never existed, or belongs to another API key; the answer is the same for all of these), `not_found` for any other id.
 * @param id from `idOf`
 */
export async function missing(
  queue: Pick<GatewayQueue, 'firstStart'>,
  id: string,
  noun: Noun,
): Promise<FacequeueError> {
  const createdAt = jobIdTime(id)!;
  if (createdAt < (await queue.firstStart()) || createdAt > Date.now() + CLOCK_SKEW_MS) {
    return new FacequeueError('not_found', 'this installation did not create this id');
  }
  return new FacequeueError('gone', `the ${noun} expired, was deleted or never existed`);
}
