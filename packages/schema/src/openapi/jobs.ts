import { z } from 'zod';
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject } from 'zod-openapi';
import type { ErrorCode } from '../errors.ts';
import { JobResource } from '../job.ts';
import { JobQuery } from '../request.ts';
import { JOB_EVENTS } from '../webhook-event.ts';
import { eventsHeaders, requestId, retryAfter } from './headers.ts';
import { answer, eventStream, operation } from './operation.ts';

/** What operations on one job have in common. */
const ofJob = {
  tag: 'jobs',
  params: z.object({ id: z.uuidv7().meta({ description: 'From X-Job-Id or Location.' }) }),
  codes: ['unauthorized', 'not_found', 'gone', 'unavailable'] as ErrorCode[],
};

/** `JobEvent`. By hand, since it is an answer in a request's place: bodies of requests are shown as what we take, and all in it twice. */
const JOB_EVENT = {
  type: 'object' as const,
  required: ['type', 'timestamp', 'data'],
  properties: {
    type: { type: 'string' as const, enum: [...JOB_EVENTS] },
    timestamp: { type: 'string' as const, format: 'date-time', description: 'When the job ended.' },
    data: {
      $ref: '#/components/schemas/Job',
      description: 'The job as GET /jobs/{id} shows it, without its webhook: the same on every try.',
    },
  },
};

/** What the receiver of a webhook is to offer. */
export const jobEnded: ZodOpenApiOperationObject = {
  operationId: 'jobEnded',
  summary: 'A job has ended',
  description:
    'Posted to the webhook_url of a call, signed by the Standard Webhooks specification, until it is answered 2xx or 410 or a day is over.',
  tags: ['jobs'],
  security: [],
  requestParams: {
    header: z.object({
      'webhook-id': z.string().meta({ description: 'The same on every try: what came already is known by it.' }),
      'webhook-timestamp': z.string().meta({ description: 'Of the try, in Unix seconds.' }),
      'webhook-signature': z.string().meta({
        description: '`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; one a secret, with blanks.',
      }),
    }),
  },
  requestBody: { required: true, content: { 'application/json': { schema: JOB_EVENT } } },
  responses: {
    '2XX': { description: 'Taken.' },
    410: { description: 'No more of it.' },
    default: { description: 'Tried again. Redirects are not followed; Retry-After is heeded.' },
  },
};

export const jobPaths: ZodOpenApiPathsObject = {
  '/jobs/{id}': {
    get: operation({
      ...ofJob,
      operationId: 'getJob',
      summary: 'A job, its result or its error',
      query: JobQuery,
      answers: {
        200: answer('The job as it is now, or when it has ended, or when the time to wait is up.', JobResource, {
          'Retry-After': retryAfter.optional().meta({ description: 'Of a job that has not ended.' }),
        }),
      },
    }),
    delete: operation({
      ...ofJob,
      operationId: 'eraseJob',
      summary: 'Cancel a job and erase its image and result at once',
      answers: {
        204: {
          description: 'Nothing of it is left. Said again to whoever asks again, for RESULT_TTL.',
          headers: z.object({ 'X-Request-Id': requestId }),
        },
      },
    }),
  },
  '/jobs/{id}/events': {
    get: operation({
      ...ofJob,
      operationId: 'followJob',
      summary: 'What happens to a job, as server-sent events',
      more:
        'At once and at each change an event `status` with `{"id","status","attempts","at"}`; when the job has ended an event `job` with ' +
        'the job, and the stream ends. A comment at least every 15 s.',
      header: eventsHeaders,
      answers: {
        200: eventStream('The events.'),
        204: {
          description: 'Last-Event-ID names the last event: nothing will follow.',
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
