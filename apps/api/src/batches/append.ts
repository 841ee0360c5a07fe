import type { AppendResult, BatchRecord } from '@facequeue/queue';
import { FacequeueError, isFacequeueError, readItemsBody } from '@facequeue/schema';
import type { Request, Response } from 'express';
import { refuseWhenFull } from '../admission/load-shedding.ts';
import { contextOf } from '../http/context.ts';
import { countItems } from '../http/count.ts';
import { idOf } from '../http/resource-id.ts';
import { refuseQuery } from '../http/route.ts';
import type { Services } from '../services.ts';
import { BatchAppender } from './batch-appender.ts';
import { announcedItems, readLines, withJsonItems } from './items-body.ts';
import { lookupBatch } from './lookup.ts';

/**
 * Appends the items of a request to an open batch. What was taken before something went wrong stays.
 * @throws conflict when the batch is not open; else as `createBatch`
 */
export async function appendItems(
  services: Services,
  request: Request,
  response: Response,
): Promise<{ total: AppendResult; batch: BatchRecord }> {
  const { config, queue, bodyMemory, shutdown, metrics } = services;
  refuseQuery(request);
  const id = idOf(request, response, 'batch');
  const { owner } = contextOf(response);
  const announced = announcedItems(request, config.MAX_IMAGE_BYTES);
  if ((await lookupBatch(queue, id, owner)).status !== 'open') {
    throw new FacequeueError('conflict', 'the batch is closed');
  }
  await refuseWhenFull(queue, 'bulk');

  const cut = new AbortController();
  using _ = shutdown.abortOnGraceEnd(cut);
  const limits = { maxImageBytes: config.MAX_IMAGE_BYTES, timeoutMs: config.BODY_TIMEOUT };
  const appender = new BatchAppender(
    async (items) => countItems(metrics, await queue.batches.append(id, owner, items, 'skip')),
    true,
  );
  try {
    if (announced.form === 'json') {
      await withJsonItems(request, response, announced, bodyMemory, limits, (members, read) => {
        readItemsBody(members);
        return read(appender);
      });
    } else if (announced.form === 'lines') {
      await readLines(request, response, announced, bodyMemory, limits, appender, cut.signal);
    }
  } catch (error) {
    throw isFacequeueError(error) ? withPlace(error, appender.taken) : error;
  }
  return { total: appender.total, batch: await lookupBatch(queue, id, owner) };
}

/** The same error for a caller whose items have no ids, and who would not have them run twice. */
function withPlace(error: FacequeueError, taken: number): FacequeueError {
  const { code, message, retryAfterMs, reason } = error;
  const detail = `${message}; ${taken > 0 ? `items up to line ${taken} have been taken` : 'no item has been taken'}`;
  return new FacequeueError(code, detail, {
    cause: error,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(reason && { reason }),
  });
}
