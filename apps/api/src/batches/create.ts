import type { BatchRecord, NewBatch } from '@facequeue/queue';
import { batchCall, FacequeueError, readBatchQuery } from '@facequeue/schema';
import type { Request, Response } from 'express';
import { refuseWhenFull } from '../admission/load-shedding.ts';
import { contextOf } from '../http/context.ts';
import { countItems } from '../http/count.ts';
import { queryOf } from '../http/route.ts';
import type { Services } from '../services.ts';
import { BatchAppender } from './batch-appender.ts';
import { announcedItems, readLines, withJsonItems } from './items-body.ts';
import { newBatch } from './new-batch.ts';

/** A batch that grows is shown to be alive this often, ms: one whose maker is silent for a minute is erased. */
const SIGN_OF_LIFE_MS = 20_000;

/**
 * Makes the batch a request asks for, with its items. When it cannot be made whole there is none.
 * @throws what is wrong with the request; source_forbidden, queue_full, unavailable, ClientDisconnected
 */
export async function createBatch(services: Services, request: Request, response: Response): Promise<BatchRecord> {
  const { config, queue, bodyMemory } = services;
  // Everything that can be refused unread is refused before the body is asked for.
  if (request.headers['idempotency-key'] !== undefined) {
    throw new FacequeueError(
      'invalid_request',
      'a batch takes no Idempotency-Key: make an empty one with open=true, and append items that have ids, as often as need be',
    );
  }
  const query = readBatchQuery(queryOf(request));
  const announced = announcedItems(request, config.MAX_IMAGE_BYTES);
  const context = contextOf(response);
  const limits = { maxImageBytes: config.MAX_IMAGE_BYTES, timeoutMs: config.BODY_TIMEOUT };

  if (announced.form === 'json') {
    await refuseWhenFull(queue, 'bulk');
    return withJsonItems(request, response, announced, bodyMemory, limits, (members, read) => {
      const batch = newBatch(batchCall(query, members), context, config);
      return fill(services, batch, response, read);
    });
  }
  const batch = newBatch(batchCall(query), context, config);
  if (announced.form === 'none' && !batch.open) throw noItems();
  await refuseWhenFull(queue, 'bulk');
  return fill(services, batch, response, async (appender, signal) => {
    if (announced.form === 'lines') await readLines(request, response, announced, bodyMemory, limits, appender, signal);
  });
}

/** Makes a batch of what `read` puts into the appender. It is in Redis from its first chunk on. */
async function fill(
  { queue, shutdown, metrics }: Services,
  batch: NewBatch,
  response: Response,
  read: (appender: BatchAppender, signal: AbortSignal) => Promise<void>,
): Promise<BatchRecord> {
  const { batches } = queue;
  const { id, owner } = batch;
  const cut = new AbortController();
  using _ = shutdown.abortOnGraceEnd(cut);
  let made = false;
  const make = async () => {
    if (made) return;
    contextOf(response).batchId = id;
    await batches.create(batch);
    made = true;
  };
  const appender = new BatchAppender(async (items) => {
    await make();
    return countItems(metrics, await batches.append(id, owner, items, 'fail'));
  }, false);
  const alive = setInterval(() => {
    // Should it fail, the next chunk does so too.
    if (made) batches.append(id, owner, [], 'fail').catch(() => {});
  }, SIGN_OF_LIFE_MS);
  try {
    await read(appender, cut.signal);
    if (appender.taken === 0 && !batch.open && !batch.listing) throw noItems();
    await make();
    await batches.settle(id);
    const record = await batches.read(id, owner);
    if (!record) throw new FacequeueError('gone', 'the batch was deleted');
    return record;
  } catch (error) {
    // A caller who has no id can neither look at it nor stop it. With Redis away it is erased when its maker has been silent for long.
    if (made) await batches.erase(id, owner).catch(() => {});
    throw error;
  } finally {
    clearInterval(alive);
  }
}

const noItems = () => new FacequeueError('invalid_request', 'there are no items, and the batch is not open');
