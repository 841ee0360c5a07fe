import { z } from 'zod';
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject, ZodOpenApiRequestBodyObject } from 'zod-openapi';
import { BatchBody, BatchItemBody, BatchQuery, ItemsBody, MAX_NDJSON_LINES, ResultsQuery } from '../batch/request.ts';
import { AppendReport, BatchResource, ItemLine } from '../batch/resource.ts';
import type { ErrorCode } from '../errors.ts';
import { requestId } from './headers.ts';
import { answer, operation } from './operation.ts';
import { webhookReceiver } from './webhook.ts';

/** What operations on one batch have in common. */
const ofBatch = {
  tag: 'batches',
  params: z.object({ id: z.uuidv7().meta({ description: 'From the answer that made it, or its Location.' }) }),
  codes: ['unauthorized', 'not_found', 'gone', 'unavailable'] as ErrorCode[],
};

/** What a body of items can meet with. */
const ITEM_CODES: ErrorCode[] = ['body_too_large', 'unsupported_media_type', 'queue_full', 'unavailable'];

const itemsBody = (json: z.ZodType, required: boolean): ZodOpenApiRequestBodyObject => ({
  required,
  description:
    `NDJSON: an item a line, each as shown, at most ${MAX_NDJSON_LINES} lines and 64 MiB, read as they arrive; blank lines are skipped. ` +
    'JSON: at most 1000 items, and as many bytes as one image may have in base64. A line or item that cannot be read becomes a failed item.',
  content: { 'application/x-ndjson': { schema: BatchItemBody }, 'application/json': { schema: json } },
});

const createBatch: ZodOpenApiOperationObject = {
  ...operation({
    tag: 'batches',
    operationId: 'createBatch',
    summary: 'Find the faces of many images',
    more:
      'A batch that is not open is taken whole or, with any answer but 202, not at all; its items begin to run while others still come in. ' +
      'Without a body it must be open. There is no Idempotency-Key: to repeat a call safely, make an empty open batch and append items ' +
      'that have ids.',
    codes: ['unauthorized', 'source_forbidden', ...ITEM_CODES],
    query: BatchQuery,
    answers: {
      202: answer('The batch.', BatchResource, { Location: z.string().meta({ description: 'Path of the batch.' }) }),
    },
  }),
  requestBody: itemsBody(BatchBody, false),
};

const appendItems: ZodOpenApiOperationObject = {
  ...operation({
    ...ofBatch,
    operationId: 'appendItems',
    summary: 'Append items to an open batch',
    more:
      'An item whose id is there already is skipped, so a request that was cut, or refused with 503, is simply sent again. What was taken before ' +
      'stays: the `detail` of an error says up to which line. Items without an id cannot be told apart; sent again they run again.',
    codes: [...ofBatch.codes, 'conflict', ...ITEM_CODES],
    answers: { 200: answer('What became of them.', AppendReport) },
  }),
  requestBody: itemsBody(ItemsBody, true),
};

export const batchPaths: ZodOpenApiPathsObject = {
  '/batches': { post: createBatch },
  '/batches/{id}': {
    get: operation({
      ...ofBatch,
      operationId: 'getBatch',
      summary: 'How far a batch is',
      answers: { 200: answer('The batch as it is now.', BatchResource) },
    }),
    delete: operation({
      ...ofBatch,
      operationId: 'eraseBatch',
      summary: 'Cancel a batch and erase its items and results',
      answers: {
        204: {
          description: 'Nothing of it is left. Said again to whoever asks again, for RESULT_TTL.',
          headers: z.object({ 'X-Request-Id': requestId }),
        },
      },
    }),
  },
  '/batches/{id}/items': { post: appendItems },
  '/batches/{id}/close': {
    post: operation({
      ...ofBatch,
      operationId: 'closeBatch',
      summary: 'Say that no more items will come',
      answers: { 200: answer('The batch. Closing it again changes nothing.', BatchResource) },
    }),
  },
  '/batches/{id}/cancel': {
    post: operation({
      ...ofBatch,
      codes: [...ofBatch.codes, 'conflict'],
      operationId: 'cancelBatch',
      summary: 'Cancel a batch that has not ended',
      more: 'Items that have not begun end `canceled` within seconds; those that are being processed are finished.',
      answers: { 200: answer('The batch. Canceling it again changes nothing.', BatchResource) },
    }),
  },
  '/batches/{id}/results': {
    get: operation({
      ...ofBatch,
      operationId: 'batchResults',
      summary: 'Results, in the order in which items ended',
      more:
        'A full read has each item once. An answer that ends properly has all it was asked for; one that cannot go on, because the gateway ' +
        'ends or Redis is away, is cut: ask again with `after`. With follow=true a blank line comes when nothing else has for 15 s.',
      query: ResultsQuery,
      answers: {
        200: {
          description: 'An item a line, each as shown.',
          headers: z.object({ 'X-Request-Id': requestId }),
          content: { 'application/x-ndjson': { schema: ItemLine } },
        },
      },
    }),
  },
};

/** What the receiver of a batch's webhook is to offer. */
export const batchEnded = webhookReceiver({
  operationId: 'batchEnded',
  summary: 'A batch has ended: finished or canceled',
  tag: 'batches',
  resource: 'Batch',
  noun: 'batch',
});
