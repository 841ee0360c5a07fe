import type { AppendResult, BatchRecord } from '@facequeue/queue';
import { FacequeueError, isFacequeueError, readItemsBody } from '@facequeue/schema';
import type { Request, Response } from 'express';
import { contextOf } from '../http/context.ts';
import { refuseWhenFull } from '../jobs/early-refusal.ts';
import { countItems } from '../metrics/count.ts';
import { batchIdOf, refuseOptions } from '../routes/route.ts';
import type { Services } from '../services.ts';
import { announcedItems, readLines, withJsonItems } from './body.ts';
import { Intake } from './intake.ts';
import { knownBatch } from './known.ts';

/**
 * Appends the items of a request to an open batch. What was taken before something went wrong stays.
 * @throws conflict when the batch is not open; else as `createBatch`
 */
export async function appendItems(
  services: Services,
  request: Request,
  response: Response,
): Promise<{ total: AppendResult; batch: BatchRecord }> {
  const { config, queue, budget, drain, metrics } = services;
  refuseOptions(request);
  const id = batchIdOf(request, response);
  const { owner } = contextOf(response);
  const announced = announcedItems(request, config.MAX_IMAGE_BYTES);
  if ((await knownBatch(queue, id, owner)).status !== 'open') {
    throw new FacequeueError('conflict', 'the batch is closed');
  }
  await refuseWhenFull(queue, 'bulk');

  const cut = new AbortController();
  using _ = drain.endOfGrace(cut);
  const limits = { maxImageBytes: config.MAX_IMAGE_BYTES, timeoutMs: config.BODY_TIMEOUT };
  const intake = new Intake(
    async (items) => countItems(metrics, await queue.batches.append(id, owner, items, 'skip')),
    true,
  );
  try {
    if (announced.form === 'json') {
      await withJsonItems(request, response, announced, budget, limits, (members, read) => {
        readItemsBody(members);
        return read(intake);
      });
    } else if (announced.form === 'lines') {
      await readLines(request, response, announced, budget, limits, intake, cut.signal);
    }
  } catch (error) {
    throw isFacequeueError(error) ? withPlace(error, intake.taken) : error;
  }
  return { total: intake.total, batch: await knownBatch(queue, id, owner) };
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
