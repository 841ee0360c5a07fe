import { z } from 'zod';
import { DetectionOptions, PROFILES } from './detection.ts';
import { FacequeueError } from './errors.ts';
import type { QueueName } from './job.ts';
import { queryFlag, queryNumber, quoted, readQuery, replaceWith } from './query.ts';

/** Longest accepted image URL, characters: what common servers and proxies take. */
export const MAX_URL_LENGTH = 8192;

/** Longest accepted webhook URL, characters: it is kept with the job. */
export const MAX_WEBHOOK_URL_LENGTH = 2048;

/** Longest idempotency key, characters. */
export const MAX_IDEMPOTENCY_KEY_LENGTH = 255;

/** Longest wait a caller may ask for, s: common load balancers drop connections that are silent for longer. */
export const MAX_WAIT_S = 60;

const { max_faces, min_confidence, min_face_size } = DetectionOptions.shape;

/** What may be asked of a detection, as query options. */
export const detectionFields = {
  profile: z
    .enum(PROFILES, { error: `expected one of ${PROFILES.join(', ')}` })
    .optional()
    .meta({ description: 'Cheapest first; balanced when absent.' }),
  max_faces: queryNumber(/^\d{1,5}$/, max_faces.unwrap(), {
    type: 'integer',
    minimum: 1,
    maximum: 10_000,
    description: 'At most so many faces, the most confident ones.',
  }).optional(),
  min_confidence: queryNumber(/^\d*\.?\d+$/, min_confidence.unwrap(), {
    type: 'number',
    minimum: 0.1,
    maximum: 1,
    description: 'Only faces of at least this Confidence.',
  }).optional(),
  min_face_size: queryNumber(/^\d*\.?\d+$/, min_face_size.unwrap(), {
    type: 'number',
    minimum: 0,
    maximum: 4096,
    description: 'Only faces of at least so many pixels: the square root of the box area.',
  }).optional(),
  landmarks: queryFlag({ description: 'false leaves landmark_106 out.' }).optional(),
  attributes: queryFlag({ description: 'false leaves gender and age out.' }).optional(),
};

/** Where a webhook goes. */
export function webhookField(description: string) {
  return z
    .string('expected a string')
    .regex(/^\s*https?:/i, 'expected an http or https URL')
    .max(MAX_WEBHOOK_URL_LENGTH, `is longer than ${MAX_WEBHOOK_URL_LENGTH} characters`)
    .meta({
      override: ({ jsonSchema }) =>
        replaceWith(jsonSchema, {
          type: 'string',
          format: 'uri',
          maxLength: MAX_WEBHOOK_URL_LENGTH,
          description: `${description} Refused where WEBHOOK_SECRETS has no secret for the caller.`,
        }),
    });
}

/** Query options of a detection call, as strings. */
export const DetectionQuery = z.strictObject({
  ...detectionFields,
  priority: z
    .enum(['bulk'], { error: 'expected bulk' })
    .optional()
    .meta({ description: 'bulk: run behind the interactive calls.' }),
  webhook_url: webhookField("Told of the job's end by a signed POST (Standard Webhooks).").optional(),
});

/** Query options of `GET /jobs/{id}`, as strings. */
export const JobQuery = z.strictObject({
  wait: queryNumber(/^\d{1,2}$/, z.int().max(MAX_WAIT_S), {
    type: 'integer',
    minimum: 0,
    maximum: MAX_WAIT_S,
    default: 0,
    description: 'Seconds the answer waits for the end of the job.',
  }).optional(),
});

const NoQuery = z.strictObject({});

/** What a detection call asks for. */
export interface DetectionCall {
  options: DetectionOptions;
  queue: QueueName;
  /** As it was given. */
  webhookUrl: string | undefined;
}

/**
 * Reads the query string of a detection call.
 * @throws invalid_request naming the option: unknown, given twice, or with a bad value
 */
export function readDetectionQuery(query: URLSearchParams): DetectionCall {
  const { priority, webhook_url: webhookUrl, ...options } = readQuery(DetectionQuery, query);
  return { options: DetectionOptions.parse(options), queue: priority ?? 'interactive', webhookUrl };
}

/**
 * Reads the query string of `GET /jobs/{id}`.
 * @throws invalid_request as `readDetectionQuery` does
 */
export function readJobQuery(query: URLSearchParams): z.output<typeof JobQuery> {
  return readQuery(JobQuery, query);
}

/**
 * Checks that the query string of a route without options is empty.
 * @throws invalid_request naming what is there
 */
export function readNoQuery(query: URLSearchParams): void {
  readQuery(NoQuery, query);
}

const exactlyOne = { oneOf: [{ required: ['url'] }, { required: ['img'] }] };

/** JSON body of a detection call: exactly one of the two members. */
export const DetectionBody = z
  .strictObject({
    url: z
      .string('expected a string')
      .min(1, 'is empty')
      .max(MAX_URL_LENGTH, `is longer than ${MAX_URL_LENGTH} characters`)
      .optional()
      .meta({ description: 'Address of the image: http, https or s3.', examples: ['https://example.org/photo.jpg'] }),
    img: z.string('expected a string').min(1, 'is empty').optional().meta({
      contentEncoding: 'base64',
      description:
        'The image in base64, plain or URL-safe alphabet; a data: prefix and white space are accepted, padding is optional.',
    }),
  })
  .meta({ id: 'DetectionBody', override: ({ jsonSchema }) => void Object.assign(jsonSchema, exactlyOne) });
export type DetectionBody = { url: string } | { img: string };

/** Form body of a detection call: exactly one of the two parts. */
export const DetectionForm = z.strictObject({ url: z.string().optional(), img: z.string().optional() }).meta({
  id: 'DetectionForm',
  override: ({ jsonSchema }) =>
    void Object.assign(jsonSchema, {
      properties: {
        url: { type: 'string', description: 'Address of the image: http, https or s3.' },
        img: {
          type: 'string',
          contentMediaType: 'application/octet-stream',
          description: 'The image file; its bytes decide the format.',
        },
      },
      ...exactlyOne,
    }),
});

/**
 * Checks members of a body or parts of a form. Values of `img` need not be the image itself: only its presence counts.
 * @param lenient other members are ignored, as the reference service does
 * @throws invalid_request; its `parameter` is the member at fault, or `url and img`
 */
export function readDetectionBody(members: unknown, lenient: boolean): DetectionBody {
  const given = readObject(members, 'the body must be a JSON object with url or img');
  if (!lenient) refuseUnknown(given, DetectionBody);
  return oneImage(given);
}

/**
 * The image that members name; other members are not looked at.
 * @throws invalid_request; its `parameter` is the member at fault, or `url and img`
 */
export function oneImage(members: Record<string, unknown>): DetectionBody {
  const parsed = DetectionBody.strip().safeParse(members);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const parameter = String(issue.path[0]);
    throw new FacequeueError('invalid_request', `${parameter}: ${issue.message}`, { parameter });
  }
  const { url, img } = parsed.data;
  if (url !== undefined && img !== undefined) {
    throw new FacequeueError('invalid_request', 'url and img cannot be used at the same time', {
      parameter: 'url and img',
    });
  }
  if (url !== undefined) return { url };
  if (img !== undefined) return { img };
  throw new FacequeueError('invalid_request', 'neither url nor img is given');
}

/** @throws invalid_request with `expected` when a JSON value is no object */
export function readObject(value: unknown, expected: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new FacequeueError('invalid_request', expected);
}

/** @throws invalid_request naming a member that `schema` does not have */
export function refuseUnknown(members: Record<string, unknown>, schema: z.ZodObject): void {
  const known = Object.keys(schema.shape);
  const unknown = Object.keys(members).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const names = `${known.slice(0, -1).join(', ')} and ${known.at(-1)}`;
  throw new FacequeueError('invalid_request', `unknown member ${quoted(unknown)}; there are ${names}`);
}
