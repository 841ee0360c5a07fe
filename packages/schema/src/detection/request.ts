/** Requests for a detection: query options, and the image in a JSON body or form. */
import { z } from 'zod';
import { FacequeueError } from '../errors.ts';
import { readObject, refuseUnknown } from '../http/json-body.ts';
import { readQuery } from '../http/query.ts';
import { PRIORITIES, type Priority, type QueueName } from '../job/queues.ts';
import { webhookField } from '../webhook/url.ts';
import { DetectionOptions, detectionQueryFields } from './options.ts';

/** Longest accepted image URL, characters: the limit of common servers and proxies. */
export const MAX_URL_LENGTH = 8192;

/** Longest idempotency key, characters. */
export const MAX_IDEMPOTENCY_KEY_LENGTH = 255;

const PRIORITY_NAMES = Object.keys(PRIORITIES) as [Priority, ...Priority[]];

/** Query options of a detection call, as strings. */
export const DetectionQuery = z.strictObject({
  ...detectionQueryFields,
  priority: z
    .enum(PRIORITY_NAMES, { error: `expected ${PRIORITY_NAMES.join(' or ')}` })
    .optional()
    .meta({ description: `${PRIORITY_NAMES.map((name) => `${name}: ${PRIORITIES[name]}`).join('; ')}.` }),
  webhook_url: webhookField('Receives a signed POST when the job has ended (Standard Webhooks).').optional(),
});

/** The query of a detection call, read. */
export interface DetectionCall {
  options: DetectionOptions;
  queue: QueueName;
  /** As the caller wrote it; its URL is not checked yet. */
  webhookUrl: string | undefined;
}

/**
 * Reads the query string of a detection call.
 * @throws FacequeueError invalid_request naming the option that is unknown, given twice or has a bad value
 * @example readDetectionQuery(new URLSearchParams('max_faces=5')).options.max_faces // 5
 */
export function readDetectionQuery(query: URLSearchParams): DetectionCall {
  const { priority, webhook_url: webhookUrl, ...options } = readQuery(DetectionQuery, query);
  return { options: DetectionOptions.parse(options), queue: priority ?? 'interactive', webhookUrl };
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
 * Checks the members of a JSON body or the parts of a form. Only the presence of
 * `img` matters, so a placeholder may stand for its value.
 * @param lenient whether other members are ignored, as in the reference service
 * @throws FacequeueError invalid_request, whose `parameter` is the invalid member or `url and img`
 */
export function readDetectionBody(members: unknown, lenient: boolean): DetectionBody {
  const given = readObject(members, 'the body must be a JSON object with url or img');
  if (!lenient) refuseUnknown(given, DetectionBody);
  return oneImage(given);
}

/**
 * The image that the members name; other members are ignored.
 * @throws FacequeueError invalid_request, whose `parameter` is the invalid member or `url and img`
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
