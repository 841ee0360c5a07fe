import { z } from 'zod';
import type { ZodOpenApiMediaTypeObject, ZodOpenApiOperationObject, ZodOpenApiPathsObject } from 'zod-openapi';
import { DetectionBody, DetectionForm, DetectionQuery, MAX_IDEMPOTENCY_KEY_LENGTH } from '../detection/request.ts';
import { DetectionResult } from '../detection/result.ts';
import type { ErrorCode } from '../errors.ts';
import { JobResource } from '../job/resource.ts';
import { jobId, location, requestHeaders, requestId, retryAfter } from './headers.ts';
import { jobLinks } from './operation.ts';
import { problems } from './problems.ts';

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

const detectionHeaders = requestHeaders.extend({
  Prefer: z
    .string()
    .optional()
    .meta({
      description:
        'RFC 7240. respond-async: answer 202 with the job at once. wait=n (0 to 60 s): answer 202 if it has not ended by then. ' +
        'Both: wait n s, then answer 202.',
      examples: ['respond-async', 'wait=10', 'respond-async, wait=10'],
    }),
  'Idempotency-Key': z
    .string()
    .max(MAX_IDEMPOTENCY_KEY_LENGTH + 2)
    .optional()
    .meta({
      description:
        'A string in quotes (RFC 8941). The same key with the same image and options returns the same job, also when it failed, for as ' +
        'long as the job is kept; with another image or other options 422. A call that was refused with 503 has not used its key.',
      examples: ['"8e03978e-40d5-43dd-bc93-6894a57f9324"'],
    }),
});
const serverTiming = z.string().meta({
  description: 'Milliseconds of the stages that ran: queue, fetch, decode, detect, landmarks and attributes.',
  header: { id: 'Server-Timing' },
});
const imageSize = z.string().meta({
  description: 'Width and height of the upright image in pixels, as it was sent: 1920x1080.',
  header: { id: 'X-Image-Size' },
});
const facesLeftOut = z
  .string()
  .optional()
  .meta({
    description: 'How many faces were found but left out, because of max_faces; absent when none.',
    header: { id: 'X-Faces-Left-Out' },
  });
const vary = z.string().meta({ description: 'Prefer', header: { id: 'Vary' } });
const preferenceApplied = z.string().meta({
  description: 'The preferences that were applied.',
  header: { id: 'Preference-Applied' },
});

const binary: ZodOpenApiMediaTypeObject = { schema: {} };

const detection = (operationId: string, summary: string): ZodOpenApiOperationObject => ({
  operationId,
  summary,
  description:
    'Waits for the faces up to SYNC_WAIT (19 s), then answers 504 with the Location of the job, which continues. ' +
    'Prefer requests another wait, or the job instead of the faces. Disconnecting while the job is queued cancels it, unless the call has ' +
    'respond-async or an Idempotency-Key. Under COMPAT=aws errors in the call answer 400 with the plain texts of the reference service.',
  tags: ['detection'],
  requestParams: { query: DetectionQuery, header: detectionHeaders },
  requestBody: {
    required: true,
    description:
      'The image: in JSON, as its bytes, or in a form. For image/* and octet-stream bodies the bytes decide the format.',
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
        'X-Image-Size': imageSize,
        'X-Faces-Left-Out': facesLeftOut,
        'Preference-Applied': preferenceApplied.optional(),
        Vary: vary,
      }),
      content: { 'application/json': { schema: DetectionResult } },
      links: jobLinks,
    },
    202: {
      description: 'The job, when Prefer requests it. The job continues.',
      headers: z.object({
        'X-Request-Id': requestId,
        'X-Job-Id': jobId,
        Location: location,
        'Retry-After': retryAfter.optional(),
        'Preference-Applied': preferenceApplied,
        Vary: vary,
      }),
      content: { 'application/json': { schema: JobResource } },
      links: jobLinks,
    },
    ...problems(DETECTION_CODES),
  },
});

export const detectionPaths: ZodOpenApiPathsObject = {
  '/face_detection': { post: detection('detectFaces', 'Find the faces of an image') },
  '/face-detection': { post: detection('detectFacesDashed', 'The same as /face_detection') },
};

/** SageMaker's name for it. */
export const invocationsPath: ZodOpenApiPathsObject = {
  '/invocations': { post: detection('invoke', 'The same as /face_detection, for SageMaker') },
};
