import { z } from 'zod';
import type { ZodOpenApiPathsObject } from 'zod-openapi';
import type { ErrorCode } from '../errors.ts';
import { JobQuery } from '../job/request.ts';
import { JobResource } from '../job/resource.ts';
import { eventsHeaders, requestId, retryAfter } from './headers.ts';
import { answer, eventStream, operation } from './operation.ts';
import { webhookReceiver } from './webhook.ts';

/** Common parts of the operations on one job. */
const ofJob = {
  tag: 'jobs',
  params: z.object({ id: z.uuidv7().meta({ description: 'From X-Job-Id or Location.' }) }),
  codes: ['unauthorized', 'not_found', 'gone', 'unavailable'] as ErrorCode[],
};

/** The operation that the receiver of a job's webhook offers. */
export const jobEnded = webhookReceiver({
  operationId: 'jobEnded',
  summary: 'A job has ended',
  tag: 'jobs',
  resource: 'Job',
  noun: 'job',
});

export const jobPaths: ZodOpenApiPathsObject = {
  '/jobs/{id}': {
    get: operation({
      ...ofJob,
      codes: [...ofJob.codes, 'queue_full'],
      operationId: 'getJob',
      summary: 'A job, its result or its error',
      query: JobQuery,
      answers: {
        200: answer('The job as it is now; with `wait`, when it has ended or the wait is over.', JobResource, {
          'Retry-After': retryAfter.optional().meta({ description: 'For a job that has not ended.' }),
        }),
      },
    }),
    delete: operation({
      ...ofJob,
      operationId: 'eraseJob',
      summary: 'Cancel a job and erase its image and result at once',
      answers: {
        204: {
          description: 'It is erased. Repeating the call gives the same answer for RESULT_TTL.',
          headers: z.object({ 'X-Request-Id': requestId }),
        },
      },
    }),
  },
  '/jobs/{id}/events': {
    get: operation({
      ...ofJob,
      codes: [...ofJob.codes, 'queue_full'],
      operationId: 'followJob',
      summary: 'Changes of a job, as server-sent events',
      more:
        'An event `status` with `{"id","status","attempts","at"}` at once and at each change; when the job has ended an event `job` with ' +
        'the job, and the stream ends. A comment is sent at least every 15 s.',
      header: eventsHeaders,
      answers: {
        200: eventStream('The events.'),
        204: {
          description: 'Last-Event-ID is that of the last event; no event will follow.',
          headers: z.object({ 'X-Request-Id': requestId }),
        },
      },
    }),
  },
  '/jobs/{id}/cancel': {
    post: operation({
      ...ofJob,
      codes: [...ofJob.codes, 'conflict'],
      operationId: 'cancelJob',
      summary: 'Cancel a job that has not ended',
      answers: { 200: answer('The canceled job. Canceling it again changes nothing.', JobResource) },
    }),
  },
};
