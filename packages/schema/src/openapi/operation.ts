import { z } from 'zod';
import type { ZodOpenApiOperationObject, ZodOpenApiResponsesObject } from 'zod-openapi';
import type { ErrorCode } from '../errors.ts';
import { requestHeaders, requestId } from './headers.ts';
import { problems } from './problems.ts';

interface Operation {
  operationId: string;
  summary: string;
  tag: string;
  more?: string;
  codes?: ErrorCode[];
  params?: z.ZodObject;
  query?: z.ZodObject;
  header?: z.ZodObject;
  open?: boolean;
  /** Answers other than errors. */
  answers: ZodOpenApiResponsesObject;
}

export const operation = (of: Operation): ZodOpenApiOperationObject => ({
  operationId: of.operationId,
  summary: of.summary,
  ...(of.more && { description: of.more }),
  tags: [of.tag],
  requestParams: {
    header: of.header ?? requestHeaders,
    ...(of.params && { path: of.params }),
    ...(of.query && { query: of.query }),
  },
  ...(of.open && { security: [] }),
  responses: { ...of.answers, ...problems(of.codes ?? []) },
});

interface Get extends Omit<Operation, 'answers'> {
  description: string;
  schema?: z.ZodType;
}

export const get = ({ description, schema, ...of }: Get): { get: ZodOpenApiOperationObject } => ({
  get: operation({ ...of, answers: { 200: answer(description, schema) } }),
});

export const answer = (description: string, schema?: z.ZodType, headers: z.ZodRawShape = {}) => ({
  description,
  headers: z.object({ 'X-Request-Id': requestId, ...headers }),
  content: { 'application/json': { schema: schema ?? {} } },
});

/** Operations whose path parameter `id` is in an answer: where they say they find it. */
const linksTo = (operationIds: readonly string[], id: string) =>
  Object.fromEntries(operationIds.map((operationId) => [operationId, { operationId, parameters: { id } }]));

/** What can be done next with the job that an answer names. */
export const jobLinks = linksTo(['getJob', 'followJob', 'cancelJob', 'eraseJob'], '$response.header.X-Job-Id');

/** What can be done next with the batch that an answer shows. */
export const batchLinks = linksTo(
  ['getBatch', 'appendItems', 'batchResults', 'closeBatch', 'cancelBatch', 'eraseBatch'],
  '$response.body#/id',
);

/**
 * An answer that is a stream of server-sent events. The schema is that of each event, as its fields: OpenAPI 3.1 has no better way.
 * @param data name of the schema of their data, when all of them have the same
 */
export const eventStream = (description: string, data?: string) => ({
  description,
  headers: z.object({ 'X-Request-Id': requestId }),
  content: {
    'text/event-stream': {
      schema: {
        type: 'object' as const,
        properties: {
          id: { type: 'string' as const },
          event: { type: 'string' as const },
          data: {
            type: 'string' as const,
            contentMediaType: 'application/json',
            ...(data && { contentSchema: { $ref: `#/components/schemas/${data}` } }),
          },
        },
        required: ['event', 'data'],
      },
    },
  },
});
