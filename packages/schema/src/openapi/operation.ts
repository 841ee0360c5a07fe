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

/**
 * An answer that is a stream of server-sent events.
 * @param data schema of their data, when all of them have the same
 */
export const eventStream = (description: string, data?: z.ZodType) => ({
  description,
  headers: z.object({ 'X-Request-Id': requestId }),
  content: { 'text/event-stream': { schema: data ?? { type: 'string' as const } } },
});
