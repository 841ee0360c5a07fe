import type { BatchRecord } from '@facequeue/queue';
import { type AppendReport, FacequeueError } from '@facequeue/schema';
import { batchPath, batchResource } from '@facequeue/schema/batch-resource';
import { contextOf } from '../http/context.ts';
import { idOf, missing } from '../http/resource-id.ts';
import { type Route, refuseQuery } from '../http/route.ts';
import type { Services } from '../services.ts';
import { appendItems } from './append.ts';
import { createBatch } from './create.ts';
import { lookupBatch } from './lookup.ts';
import { streamResults } from './results.ts';

/** Batches: many images submitted together, with one stream of results. */
export function batchRoutes(services: Services): Route[] {
  const { queue, config } = services;
  const render = (batch: BatchRecord) => batchResource(batch, config.BASE_PATH);
  return [
    {
      method: 'post',
      path: '/batches',
      scope: 'batches',
      body: true,
      async handle(request, response) {
        const batch = await createBatch(services, request, response);
        response.setHeader('Location', batchPath(batch.id, config.BASE_PATH));
        response.status(202).json(render(batch));
      },
    },
    {
      method: 'get',
      path: '/batches/{id}',
      scope: 'batches',
      async handle(request, response) {
        refuseQuery(request);
        const id = idOf(request, response, 'batch');
        response.json(render(await lookupBatch(queue, id, contextOf(response).owner)));
      },
    },
    {
      method: 'delete',
      path: '/batches/{id}',
      scope: 'batches',
      async handle(request, response) {
        refuseQuery(request);
        const id = idOf(request, response, 'batch');
        if (!(await queue.batches.erase(id, contextOf(response).owner))) throw await missing(queue, id, 'batch');
        response.status(204).end();
      },
    },
    {
      method: 'post',
      path: '/batches/{id}/items',
      scope: 'batches',
      body: true,
      async handle(request, response) {
        const { total, batch } = await appendItems(services, request, response);
        const report: AppendReport = { ...total, batch: render(batch) };
        response.json(report);
      },
    },
    {
      method: 'post',
      path: '/batches/{id}/close',
      scope: 'batches',
      async handle(request, response) {
        refuseQuery(request);
        const id = idOf(request, response, 'batch');
        const { owner } = contextOf(response);
        await lookupBatch(queue, id, owner);
        response.json(render(await queue.batches.close(id, owner)));
      },
    },
    {
      method: 'post',
      path: '/batches/{id}/cancel',
      scope: 'batches',
      async handle(request, response) {
        refuseQuery(request);
        const id = idOf(request, response, 'batch');
        const batch = await queue.batches.cancel(id, contextOf(response).owner);
        if (!batch) throw await missing(queue, id, 'batch');
        if (batch.status === 'finished') throw new FacequeueError('conflict', 'the batch has ended: it finished');
        response.json(render(batch));
      },
    },
    {
      method: 'get',
      path: '/batches/{id}/results',
      scope: 'batches',
      handle: (request, response) => streamResults(services, request, response),
    },
  ];
}
