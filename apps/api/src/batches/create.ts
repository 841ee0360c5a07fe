import type { BatchRecord, NewBatch } from '@facequeue/queue';
import { batchCall, FacequeueError, readBatchQuery } from '@facequeue/schema';
import type { Request, Response } from 'express';
import { refuseWhenFull } from '../admission/load-shedding.ts';
import { uploadLimits } from '../body/upload-limits.ts';
import { contextOf } from '../http/context.ts';
import { queryOf } from '../http/route.ts';
import type { Services } from '../services.ts';
import { BatchAppender } from './batch-appender.ts';
import { countItems } from './count-items.ts';
import { announcedItems, readLines, withJsonItems } from './items-body.ts';
import { newBatch } from './new-batch.ts';

/** While a batch is being created it is touched this often, ms: one untouched for a minute is erased. */
const KEEP_ALIVE_MS = 20_000;

/**
 * Creates the batch that a request describes, with all its items or not at all.
 * @throws the errors of an invalid request; source_forbidden, queue_full, unavailable, ClientDisconnected
 */
export async function createBatch(services: Services, request: Request, response: Response): Promise<BatchRecord> {
  const { config, queue, bodyMemory } = services;
  // What the headers rule out is refused before the body is requested.
  if (request.headers['idempotency-key'] !== undefined) {
    throw new FacequeueError(
      'invalid_request',
      'a batch takes no Idempotency-Key: create an empty batch with open=true, and append items with ids, which may be repeated',
    );
  }
  const query = readBatchQuery(queryOf(request));
  const context = contextOf(response);
  const limits = uploadLimits(config, context);
  const body = announcedItems(request, limits.maxImageBytes);

  if (body.form === 'json') {
    await refuseWhenFull(queue, 'bulk', context.flow);
    return withJsonItems(request, response, body, bodyMemory, limits, (members, read) => {
      const batch = newBatch(batchCall(query, members), context, config, limits);
      return fill(services, batch, response, read);
    });
  }
  const batch = newBatch(batchCall(query), context, config, limits);
  if (body.form === 'none' && !batch.open) throw noItems();
  await refuseWhenFull(queue, 'bulk', context.flow);
  return fill(services, batch, response, async (appender, signal) => {
    if (body.form === 'lines') await readLines(request, response, body, bodyMemory, limits, appender, signal);
  });
}

/** Creates a batch with the items that `read` appends. It exists in Redis from its first chunk on. */
async function fill(
  { queue, shutdown, metrics }: Services,
  batch: NewBatch,
  response: Response,
  read: (appender: BatchAppender, signal: AbortSignal) => Promise<void>,
): Promise<BatchRecord> {
  const { batches } = queue;
  const { id, owner } = batch;
  const graceEnd = new AbortController();
  using _ = shutdown.abortOnGraceEnd(graceEnd);
  let created = false;
  const create = async () => {
    if (created) return;
    contextOf(response).batchId = id;
    await batches.create(batch);
    created = true;
  };
  const appender = new BatchAppender(async (items) => {
    await create();
    return countItems(metrics, await batches.append(id, owner, items, 'fail'));
  }, false);
  const keepAlive = setInterval(() => {
    // If this fails, so does the next chunk.
    if (created) batches.append(id, owner, [], 'fail').catch(() => {});
  }, KEEP_ALIVE_MS);
  try {
    await read(appender, graceEnd.signal);
    if (appender.lastLine === 0 && !batch.open && !batch.listing) throw noItems();
    await create();
    await batches.settle(id);
    const record = await batches.read(id, owner);
    if (!record) throw new FacequeueError('gone', 'the batch was deleted');
    return record;
  } catch (error) {
    // A caller without the id can neither read nor cancel it. If Redis is unreachable, the sweep erases it.
    if (created) await batches.erase(id, owner).catch(() => {});
    throw error;
  } finally {
    clearInterval(keepAlive);
  }
}

const noItems = () => new FacequeueError('invalid_request', 'there are no items, and the batch is not open');
