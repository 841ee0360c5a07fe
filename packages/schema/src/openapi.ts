/** The OpenAPI 3.1 document of the gateway, made from the schemas the gateway itself checks requests with. */
import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiMediaTypeObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';
import { DetectionResult } from './detection.ts';
import { ERROR_CATALOGUE, type ErrorCode } from './errors.ts';
import { JobResource, ProblemBody } from './job.ts';
import { DetectionBody, DetectionForm, DetectionQuery, JobQuery, MAX_IDEMPOTENCY_KEY_LENGTH } from './request.ts';
import { Liveness, Readiness, SystemResource } from './system.ts';
import { JOB_EVENTS } from './webhook-event.ts';

/** Codes any route can answer: what the HTTP parser, the address guard and the router refuse. */
const ANYWHERE: ErrorCode[] = [
  'invalid_request',
  'forbidden',
  'request_timeout',
  'headers_too_large',
  'method_not_allowed',
  'internal_error',
];

const DETECTION_CODES: ErrorCode[] = [
  'invalid_base64',
  'unauthorized',
  'canceled',
  'superseded',
  'gone',
  'body_too_large',
  'unsupported_media_type',
  'image_too_large',
  'image_undecodable',
  'idempotency_conflict',
  'source_forbidden',
  'source_unreachable',
  'source_timeout',
  'engine_crashed',
  'engine_timeout',
  'queue_full',
  'expired',
  'unavailable',
  'wait_timeout',
];

const requestId = z.string().meta({
  description: "The caller's X-Request-Id when it matches [A-Za-z0-9_.-]{1,64}, else a new one.",
  header: { id: 'X-Request-Id' },
});
const givenRequestId = z
  .string()
  .regex(/^[\w.-]{1,64}$/)
  .optional()
  .meta({ description: 'Kept through logs and answers; one is made when it is absent or has another form.' });
const requestHeaders = z.object({ 'X-Request-Id': givenRequestId });
const detectionHeaders = requestHeaders.extend({
  Prefer: z
    .string()
    .optional()
    .meta({
      description:
        'RFC 7240. respond-async: answer 202 with the job at once. wait=n (0 to 60 s): answer 202 if it has not ended by then. ' +
        'Both: respond-async after n s.',
      examples: ['respond-async', 'wait=10', 'respond-async, wait=10'],
    }),
  'Idempotency-Key': z
    .string()
    .max(MAX_IDEMPOTENCY_KEY_LENGTH + 2)
    .optional()
    .meta({
      description:
        'A string in quotes (RFC 8941). The same key with the same image and options gives the same job, its failure included, for as ' +
        'long as the job is kept; with others 422. A call that was refused with 503 has used no key.',
      examples: ['"8e03978e-40d5-43dd-bc93-6894a57f9324"'],
    }),
});
const eventsHeaders = requestHeaders.extend({
  'Last-Event-ID': z.string().optional().meta({ description: 'Id of the last event seen, which is not sent again.' }),
});
const jobId = z.string().meta({ description: 'Id of the job that ran the call.', header: { id: 'X-Job-Id' } });
const location = z.string().meta({ description: 'Path of the job.', header: { id: 'Location' } });
const serverTiming = z.string().meta({
  description: 'Milliseconds of queue, fetch, decode, detect, landmarks and attributes, as far as they ran.',
  header: { id: 'Server-Timing' },
});
const retryAfter = z.string().meta({
  description: 'Seconds after which trying again makes sense.',
  header: { id: 'Retry-After' },
});
const vary = z.string().meta({ description: 'Prefer', header: { id: 'Vary' } });
const preferenceApplied = z.string().meta({
  description: 'The preferences that shaped the answer.',
  header: { id: 'Preference-Applied' },
});
const allow = z.string().meta({ description: 'Methods the path has.', header: { id: 'Allow' } });
const authenticate = z.string().meta({ description: 'Bearer', header: { id: 'WWW-Authenticate' } });

/** Headers an error answer of this status carries. */
function problemHeaders(status: number) {
  return z.object({
    'X-Request-Id': requestId,
    ...(status === 401 && { 'WWW-Authenticate': authenticate }),
    ...(status === 405 && { Allow: allow }),
    ...(status === 503 && { 'Retry-After': retryAfter }),
    ...(status === 504 && { 'Retry-After': retryAfter, Location: location, 'X-Job-Id': jobId }),
  });
}

/** Error answers of an operation, grouped by status. */
function problems(codes: ErrorCode[]): ZodOpenApiResponsesObject {
  const byStatus = Map.groupBy([...new Set([...ANYWHERE, ...codes])], (code) => ERROR_CATALOGUE[code].status);
  return Object.fromEntries(
    [...byStatus].sort().map(([status, codes]) => [
      String(status),
      {
        description: codes.map((code) => `\`${code}\`: ${ERROR_CATALOGUE[code].when}`).join('; '),
        headers: problemHeaders(status),
        content: { 'application/problem+json': { schema: ProblemBody } },
      },
    ]),
  );
}

const binary: ZodOpenApiMediaTypeObject = { schema: {} };

const detection = (operationId: string, summary: string): ZodOpenApiOperationObject => ({
  operationId,
  summary,
  description:
    'Waits for the faces as long as SYNC_WAIT says (19 s), then answers 504 with the Location of the job, which goes on. ' +
    'Prefer asks for another wait, or for the job instead. Hanging up while the job is queued cancels it, unless the call has ' +
    'respond-async or an Idempotency-Key. Under COMPAT=aws errors in the call answer 400 with the plain texts of the reference service.',
  tags: ['detection'],
  requestParams: { query: DetectionQuery, header: detectionHeaders },
  requestBody: {
    required: true,
    description:
      'The image: in JSON, as it is, or in a form. Of image/* and octet-stream bodies the bytes decide the format.',
    content: {
      'application/json': { schema: DetectionBody },
      'image/*': binary,
      'application/octet-stream': binary,
      'multipart/form-data': { schema: DetectionForm },
    },
  },
  responses: {
    200: {
      description: 'The faces, highest Confidence first; an image without a face gives an empty list.',
      headers: z.object({
        'X-Request-Id': requestId,
        'X-Job-Id': jobId,
        Location: location,
        'Server-Timing': serverTiming,
        'Preference-Applied': preferenceApplied.optional(),
        Vary: vary,
      }),
      content: { 'application/json': { schema: DetectionResult } },
    },
    202: {
      description: 'The job, where Prefer asks for it. It goes on.',
      headers: z.object({
        'X-Request-Id': requestId,
        'X-Job-Id': jobId,
        Location: location,
        'Retry-After': retryAfter.optional(),
        'Preference-Applied': preferenceApplied,
        Vary: vary,
      }),
      content: { 'application/json': { schema: JobResource } },
    },
    ...problems(DETECTION_CODES),
  },
});

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
  /** The answers that are no errors. */
  answers: ZodOpenApiResponsesObject;
}

const operation = (of: Operation): ZodOpenApiOperationObject => ({
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

const get = ({ description, schema, ...of }: Get): { get: ZodOpenApiOperationObject } => ({
  get: operation({ ...of, answers: { 200: answer(description, schema) } }),
});

const answer = (description: string, schema?: z.ZodType, headers: z.ZodRawShape = {}) => ({
  description,
  headers: z.object({ 'X-Request-Id': requestId, ...headers }),
  content: { 'application/json': { schema: schema ?? {} } },
});

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
const jobEnded: ZodOpenApiOperationObject = {
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

const readiness = { tag: 'operation', schema: Readiness, codes: ['unavailable'] as ErrorCode[], open: true };

/**
 * @param options version of the gateway; path prefix under which it is mounted
 * @returns a plain object, ready for JSON
 */
export function openApiDocument(options: { version?: string; basePath?: string } = {}) {
  return createDocument({
    openapi: '3.1.1',
    info: {
      title: 'Facequeue',
      version: options.version ?? '0.1.0',
      summary: 'Self-hosted face detection behind a queue.',
      description:
        'Every error is application/problem+json (RFC 9457) with a `code` of the catalogue in docs/errors.md.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: options.basePath || '/' }],
    tags: [
      { name: 'detection', description: 'Faces of an image.' },
      { name: 'jobs', description: 'What became of a call.' },
      { name: 'operation', description: 'For those who run it.' },
    ],
    security: [{ apiKey: [] }, { bearer: [] }],
    components: {
      securitySchemes: {
        apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key', description: 'Where API_KEYS is set.' },
        bearer: { type: 'http', scheme: 'bearer', description: 'The same key, as a bearer token.' },
      },
    },
    paths: {
      '/face_detection': { post: detection('detectFaces', 'Find the faces of an image') },
      '/face-detection': { post: detection('detectFacesDashed', 'The same as /face_detection') },
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
            200: {
              description: 'The events.',
              headers: z.object({ 'X-Request-Id': requestId }),
              content: { 'text/event-stream': { schema: { type: 'string' } } },
            },
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
      '/livez': get({
        operationId: 'live',
        summary: 'Whether the process answers',
        tag: 'operation',
        description: 'It does. Nothing else was asked.',
        schema: Liveness,
        open: true,
      }),
      '/readyz': get({
        ...readiness,
        operationId: 'ready',
        summary: 'Whether Redis answers and a worker was seen within 15 s',
        description: 'Ready.',
      }),
      '/system': get({
        operationId: 'system',
        summary: 'Version, device, models, workers and queues',
        tag: 'operation',
        description: 'The installation, at most 250 ms ago.',
        schema: SystemResource,
        codes: ['unauthorized', 'unavailable'],
      }),
      '/openapi.json': get({
        operationId: 'openapi',
        summary: 'This document',
        tag: 'operation',
        description: 'OpenAPI 3.1.',
        open: true,
      }),
      '/ping': get({
        ...readiness,
        operationId: 'ping',
        summary: 'The same as /readyz, for SageMaker',
        description: 'Ready.',
      }),
      '/invocations': { post: detection('invoke', 'The same as /face_detection, for SageMaker') },
    },
    webhooks: { jobEnded: { post: jobEnded } },
  });
}
