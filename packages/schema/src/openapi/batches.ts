import { z } from 'zod';
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject, ZodOpenApiRequestBodyObject } from 'zod-openapi';
import {
  BatchBody,
  BatchItemBody,
  BatchQuery,
  ItemsBody,
  MAX_JSON_ITEMS,
  MAX_NDJSON_LINES,
  ResultsQuery,
} from '../batch/request.ts';
import { AppendReport, BatchResource, ItemLine } from '../batch/resource.ts';
import type { ErrorCode } from '../errors.ts';
import { requestId } from './headers.ts';
import { answer, batchLinks, operation } from './operation.ts';
import { webhookReceiver } from './webhook.ts';

/** Common parts of the operations on one batch. */
const ofBatch = {
  tag: 'batches',
  params: z.object({ id: z.uuidv7().meta({ description: 'From the answer that created it, or its Location.' }) }),
  codes: ['unauthorized', 'not_found', 'gone', 'unavailable'] as ErrorCode[],
};

/** Errors of a body of items. */
const ITEM_CODES: ErrorCode[] = ['body_too_large', 'unsupported_media_type', 'queue_full', 'unavailable'];

const itemsBody = (json: z.ZodType): ZodOpenApiRequestBodyObject => ({
  required: false,
  description:
    `NDJSON: one item a line, each as shown, at most ${MAX_NDJSON_LINES} lines and 64 MiB, read as they arrive; blank lines are skipped. ` +
    `JSON: at most ${MAX_JSON_ITEMS} items, and as many bytes as one image may have in base64. A line or item that cannot be read becomes a failed item.`,
  content: { 'application/x-ndjson': { schema: BatchItemBody }, 'application/json': { schema: json } },
});

const createBatch: ZodOpenApiOperationObject = {
  ...operation({
    tag: 'batches',
    operationId: 'createBatch',
    summary: 'Find the faces of many images',
    more:
      'A batch that is not open is accepted as a whole or, with any answer but 202, not at all. Its first items run while others are still being uploaded. ' +
      'Without a body it must be open. There is no Idempotency-Key: to repeat a call safely, create an empty open batch and append items ' +
      'that have ids.',
    codes: ['unauthorized', 'source_forbidden', ...ITEM_CODES],
    query: BatchQuery,
    answers: {
      202: {
        ...answer('The batch.', BatchResource, { Location: z.string().meta({ description: 'Path of the batch.' }) }),
        links: batchLinks,
      },
    },
  }),
  requestBody: itemsBody(BatchBody),
};

const appendItems: ZodOpenApiOperationObject = {
  ...operation({
    ...ofBatch,
    operationId: 'appendItems',
    summary: 'Append items to an open batch',
    more:
      'An item whose id is already in the batch is skipped, so a request that broke off or was refused with 503 can be sent again. Items that ' +
      'were accepted before stay: the `detail` of an error says up to which line. Items without an id run again when they are sent again. Without a body nothing is appended.',
    codes: [...ofBatch.codes, 'conflict', ...ITEM_CODES],
    answers: { 200: answer('What happened to the items.', AppendReport) },
  }),
  requestBody: itemsBody(ItemsBody),
};

export const batchPaths: ZodOpenApiPathsObject = {
  '/batches': { post: createBatch },
  '/batches/{id}': {
    get: operation({
      ...ofBatch,
      operationId: 'getBatch',
      summary: 'A batch and its progress',
      answers: { 200: answer('The batch as it is now.', BatchResource) },
    }),
    delete: operation({
      ...ofBatch,
      operationId: 'eraseBatch',
      summary: 'Cancel a batch and erase its items and results',
      answers: {
        204: {
          description: 'It is erased. Repeating the call gives the same answer for RESULT_TTL.',
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
      summary: 'Close a batch to further items',
      answers: { 200: answer('The batch. Closing it again changes nothing.', BatchResource) },
    }),
  },
  '/batches/{id}/cancel': {
    post: operation({
      ...ofBatch,
      codes: [...ofBatch.codes, 'conflict'],
      operationId: 'cancelBatch',
      summary: 'Cancel a batch that has not ended',
      more: 'Items that have not begun end `canceled` within seconds; items in progress are finished.',
      answers: { 200: answer('The batch. Canceling it again changes nothing.', BatchResource) },
    }),
  },
  '/batches/{id}/results': {
    get: operation({
      ...ofBatch,
      codes: [...ofBatch.codes, 'queue_full'],
      operationId: 'batchResults',
      summary: 'Results, in the order in which items ended',
      more:
        'A full read has each item once. An answer that ends normally is complete; an answer that cannot continue, because the gateway ' +
        'stops or Redis is unavailable, is cut off: repeat the call with `after`. With follow=true a blank line is sent after 15 s without a result.',
      query: ResultsQuery,
      answers: {
        200: {
          description: 'One item a line, each as shown.',
          headers: z.object({ 'X-Request-Id': requestId }),
          content: { 'application/x-ndjson': { schema: ItemLine } },
        },
      },
    }),
  },
};

/** The operation that the receiver of a batch's webhook offers. */
export const batchEnded = webhookReceiver({
  operationId: 'batchEnded',
  summary: 'A batch has ended: finished or canceled',
  tag: 'batches',
  resource: 'Batch',
  noun: 'batch',
});
