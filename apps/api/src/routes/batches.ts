import type { BatchRecord } from '@facequeue/queue';
import { type AppendReport, FacequeueError } from '@facequeue/schema';
import { batchPath, batchResource } from '@facequeue/schema/batch-resource';
import { appendItems } from '../batches/append.ts';
import { createBatch } from '../batches/create.ts';
import { knownBatch } from '../batches/known.ts';
import { streamResults } from '../batches/results.ts';
import { contextOf } from '../http/context.ts';
import { unknown } from '../jobs/known.ts';
import type { Services } from '../services.ts';
import { batchIdOf, type Route, refuseOptions } from './route.ts';

/** Many images in one order: batches, their items and their results. */
export function batchRoutes(services: Services): Route[] {
  const { queue, config } = services;
  const shown = (batch: BatchRecord) => batchResource(batch, config.BASE_PATH);
  return [
    {
      method: 'post',
      path: '/batches',
      body: true,
      async handle(request, response) {
        const batch = await createBatch(services, request, response);
        response.setHeader('Location', batchPath(batch.id, config.BASE_PATH));
        response.status(202).json(shown(batch));
      },
    },
    {
      method: 'get',
      path: '/batches/{id}',
      async handle(request, response) {
        refuseOptions(request);
        const id = batchIdOf(request, response);
        response.json(shown(await knownBatch(queue, id, contextOf(response).owner)));
      },
    },
    {
      method: 'delete',
      path: '/batches/{id}',
      async handle(request, response) {
        refuseOptions(request);
        const id = batchIdOf(request, response);
        if (!(await queue.batches.erase(id, contextOf(response).owner))) throw await unknown(queue, id, 'batch');
        response.status(204).end();
      },
    },
    {
      method: 'post',
      path: '/batches/{id}/items',
      body: true,
      async handle(request, response) {
        const { total, batch } = await appendItems(services, request, response);
        const report: AppendReport = { ...total, batch: shown(batch) };
        response.json(report);
      },
    },
    {
      method: 'post',
      path: '/batches/{id}/close',
      async handle(request, response) {
        refuseOptions(request);
        const id = batchIdOf(request, response);
        const { owner } = contextOf(response);
        await knownBatch(queue, id, owner);
        response.json(shown(await queue.batches.close(id, owner)));
      },
    },
    {
      method: 'post',
      path: '/batches/{id}/cancel',
      async handle(request, response) {
        refuseOptions(request);
        const id = batchIdOf(request, response);
        const batch = await queue.batches.cancel(id, contextOf(response).owner);
        if (!batch) throw await unknown(queue, id, 'batch');
        if (batch.status === 'finished') throw new FacequeueError('conflict', 'the batch has ended: it finished');
        response.json(shown(batch));
      },
    },
    {
      method: 'get',
      path: '/batches/{id}/results',
      handle: (request, response) => streamResults(services, request, response),
    },
  ];
}
