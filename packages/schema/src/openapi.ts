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
import { DetectionBody, DetectionForm, DetectionQuery } from './request.ts';
import { Liveness, Readiness, SystemResource } from './system.ts';

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
  'body_too_large',
  'unsupported_media_type',
  'image_too_large',
  'image_undecodable',
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
const allow = z.string().meta({ description: 'Methods the path has.', header: { id: 'Allow' } });
const authenticate = z.string().meta({ description: 'Bearer', header: { id: 'WWW-Authenticate' } });

/** Headers an error answer of this status carries. */
function problemHeaders(status: number) {
  return z.object({
    'X-Request-Id': requestId,
    ...(status === 401 && { 'WWW-Authenticate': authenticate }),
    ...(status === 405 && { Allow: allow }),
    ...(status === 503 && { 'Retry-After': retryAfter }),
    ...(status === 504 && { Location: location, 'X-Job-Id': jobId }),
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
    'Hanging up while the job is queued cancels it. Under COMPAT=aws errors in the call answer 400 with the plain texts of the reference service.',
  tags: ['detection'],
  requestParams: { query: DetectionQuery, header: requestHeaders },
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
      }),
      content: { 'application/json': { schema: DetectionResult } },
    },
    ...problems(DETECTION_CODES),
  },
});

interface Get {
  operationId: string;
  summary: string;
  tag: string;
  description: string;
  schema?: z.ZodType;
  codes?: ErrorCode[];
  params?: z.ZodObject;
  open?: boolean;
}

const get = (of: Get): { get: ZodOpenApiOperationObject } => ({
  get: {
    operationId: of.operationId,
    summary: of.summary,
    tags: [of.tag],
    requestParams: { header: requestHeaders, ...(of.params && { path: of.params }) },
    ...(of.open && { security: [] }),
    responses: {
      200: {
        description: of.description,
        headers: z.object({ 'X-Request-Id': requestId }),
        content: { 'application/json': { schema: of.schema ?? {} } },
      },
      ...problems(of.codes ?? []),
    },
  },
});

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
      '/jobs/{id}': get({
        operationId: 'getJob',
        summary: 'A job, its result or its error',
        tag: 'jobs',
        description: 'The job as it is now.',
        schema: JobResource,
        params: z.object({ id: z.uuidv7().meta({ description: 'From X-Job-Id or Location.' }) }),
        codes: ['unauthorized', 'not_found', 'gone', 'unavailable'],
      }),
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
  });
}
