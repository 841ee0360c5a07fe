import type { AppendResult, BatchRecord } from '@facequeue/queue';
import { FacequeueError, isFacequeueError, readItemsBody } from '@facequeue/schema';
import type { Request, Response } from 'express';
import { refuseWhenFull } from '../admission/load-shedding.ts';
import { uploadLimits } from '../body/upload-limits.ts';
import { contextOf } from '../http/context.ts';
import { idOf } from '../http/resource-id.ts';
import { refuseQuery } from '../http/route.ts';
import type { Services } from '../services.ts';
import { BatchAppender } from './batch-appender.ts';
import { countItems } from './count-items.ts';
import { announcedItems, readLines, withJsonItems } from './items-body.ts';
import { lookupBatch } from './lookup.ts';

/**
 * Appends the items of a request to an open batch. Items appended before an error stay.
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
  const { owner, flow } = contextOf(response);
  const limits = uploadLimits(config, contextOf(response));
  const body = announcedItems(request, limits.maxImageBytes);
  if ((await lookupBatch(queue, id, owner)).status !== 'open') {
    throw new FacequeueError('conflict', 'the batch is closed');
  }
  await refuseWhenFull(queue, 'bulk', flow);

  const graceEnd = new AbortController();
  using _ = shutdown.abortOnGraceEnd(graceEnd);
  const appender = new BatchAppender(
    async (items) => countItems(metrics, await queue.batches.append(id, owner, items, 'skip')),
    true,
  );
  try {
    if (body.form === 'json') {
      await withJsonItems(request, response, body, bodyMemory, limits, (members, read) => {
        readItemsBody(members);
        return read(appender);
      });
    } else if (body.form === 'lines') {
      await readLines(request, response, body, bodyMemory, limits, appender, graceEnd.signal);
    }
  } catch (error) {
    throw isFacequeueError(error) ? withLastLine(error, appender.lastLine) : error;
  }
  return { total: appender.total, batch: await lookupBatch(queue, id, owner) };
}

/** Adds to an error where to resume, for callers whose items have no ids and must not run twice. */
function withLastLine(error: FacequeueError, line: number): FacequeueError {
  const { code, message, retryAfterMs, reason } = error;
  const detail = `${message}; ${line > 0 ? `items up to line ${line} have been accepted` : 'no item has been accepted'}`;
  return new FacequeueError(code, detail, {
    cause: error,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(reason && { reason }),
  });
}
