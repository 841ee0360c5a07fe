/** Requests about batches: query strings, JSON bodies and items. */
import { z } from 'zod';
import { IMAGE_SUFFIXES } from '../detection/image-formats.ts';
import { DetectionOptions, detectionQueryFields } from '../detection/options.ts';
import { DetectionBody, MAX_URL_LENGTH, oneImage } from '../detection/request.ts';
import { FacequeueError } from '../errors.ts';
import { readObject, refuseInvalid, refuseUnknown } from '../http/json-body.ts';
import { queryFlag, queryNumber, readQuery } from '../http/query.ts';
import { webhookField } from '../webhook/url.ts';

/** Most items of a JSON body. */
export const MAX_JSON_ITEMS = 1000;
/** Most lines of an NDJSON body. */
export const MAX_NDJSON_LINES = 10_000;
/** Most bytes of an NDJSON body. */
export const MAX_NDJSON_BYTES = 64 * 1024 * 1024;
/** Longest id of an item: an S3 URL with the longest key. */
export const MAX_ITEM_ID_LENGTH = 1100;
/** Largest `limit` of a call. */
export const MAX_RESULTS_LIMIT = 100_000;
/** Most suffixes of a listing, and characters of one. */
const MAX_SUFFIXES = 32;
const MAX_SUFFIX_LENGTH = 32;

/** Detection options of a whole batch: those of a single call, as a JSON object. */
export const BatchOptions = DetectionOptions.omit({ orient: true })
  .partial()
  .meta({ id: 'BatchOptions', description: 'For all items; as the query options of a detection call.' });
export type BatchOptions = z.infer<typeof BatchOptions>;

const webhook = webhookField('Receives a signed POST when the batch has ended (Standard Webhooks).');
const output = z
  .string('expected a string')
  .min(1, 'is empty')
  .max(MAX_URL_LENGTH, `is longer than ${MAX_URL_LENGTH} characters`)
  .meta({
    description:
      'Object to which the results are also written, as NDJSON: under S3_OUTPUT_PREFIXES, and one that does not exist yet.',
    examples: ['s3://bucket/runs/42/results.ndjson'],
  });
const open = 'true: items may be appended until it is closed, or until none has been appended for an hour.';
const overwrite = 'true: output may replace an existing object.';

/** Query options of `POST /batches`, as strings. With a JSON body, an option may be in either place but not in both. */
export const BatchQuery = z.strictObject({
  open: queryFlag({ description: open }, false).optional(),
  ...detectionQueryFields,
  webhook_url: webhook.optional(),
  output: output.optional(),
  overwrite: queryFlag({ description: overwrite }, false).optional(),
});

/** Query options of a batch's results, as strings. */
export const ResultsQuery = z.strictObject({
  after: z
    .string()
    .regex(/^\d{1,15}$/, 'expected the cursor of a line of results')
    .optional()
    .meta({ description: 'Starts after the line with this `cursor`; when absent, with the first item that ended.' }),
  follow: queryFlag(
    { description: 'true: continues with items that end from now on, until no more results will come.' },
    false,
  ).optional(),
  limit: queryNumber(/^\d{1,6}$/, z.int().min(1).max(MAX_RESULTS_LIMIT), {
    type: 'integer',
    minimum: 1,
    maximum: MAX_RESULTS_LIMIT,
    description: 'Ends after this many lines; when absent, after the last one.',
  }).optional(),
});

const ItemId = z
  .string('expected a string')
  .min(1, 'is empty')
  .max(MAX_ITEM_ID_LENGTH, `is longer than ${MAX_ITEM_ID_LENGTH} characters`)
  .refine((id) => !id.startsWith('#'), 'begins with #, which is reserved for items without an id')
  .refine((id) => !/\p{Cc}/u.test(id) && id.isWellFormed(), 'has a control character or half a surrogate pair in it')
  .meta({
    description:
      'Names the item in results, and distinguishes a repeated item from a new one. Unique in its batch; must not begin with #.',
    examples: ['2024/05/a.jpg'],
  });

/** An item of a batch: exactly one of url and img. */
export const BatchItemBody = z.strictObject({ id: ItemId.optional(), ...DetectionBody.shape }).meta({
  id: 'BatchItemBody',
  override: ({ jsonSchema }) =>
    void Object.assign(jsonSchema, { oneOf: [{ required: ['url'] }, { required: ['img'] }] }),
});

/** JSON body of `POST /batches/{id}/items`. */
export const ItemsBody = z
  .strictObject({ items: z.array(BatchItemBody, 'expected a list').max(MAX_JSON_ITEMS) })
  .meta({ id: 'ItemsBody' });

/** JSON body of `POST /batches`: either items or s3; an open batch may have neither. */
export const BatchBody = z
  .strictObject({
    items: ItemsBody.shape.items.optional(),
    s3: z
      .strictObject({
        prefix: z
          .string('expected a string')
          .min(1, 'is empty')
          .max(MAX_URL_LENGTH, `is longer than ${MAX_URL_LENGTH} characters`)
          .meta({ description: 'Under S3_SOURCE_PREFIXES.', examples: ['s3://bucket/photos/2024/'] }),
        suffixes: z
          .array(z.string('expected strings').min(1).max(MAX_SUFFIX_LENGTH), 'expected a list')
          .min(1, 'is empty')
          .max(MAX_SUFFIXES)
          .optional()
          .meta({
            description: 'Suffixes of the keys that become items, case-insensitive.',
            default: [...IMAGE_SUFFIXES],
          }),
      })
      .optional()
      .meta({
        description: 'The objects under this prefix become items; their ids are their URLs. A worker lists them.',
      }),
    open: z.boolean('expected true or false').optional().meta({ description: open, default: false }),
    options: BatchOptions.optional(),
    webhook_url: webhook.optional(),
    output: output.optional(),
    overwrite: z.boolean('expected true or false').optional().meta({ description: overwrite, default: false }),
  })
  .meta({ id: 'BatchBody' });

/** The caller's description of a new batch. URLs are as the caller wrote them, not checked yet. */
export interface BatchCall {
  open: boolean;
  options: DetectionOptions;
  webhookUrl: string | undefined;
  output: { url: string; overwrite: boolean } | undefined;
  listing: { prefix: string; suffixes: string[] } | undefined;
}

/** The query string of `POST /batches`, read; `batchCall` combines it with the body. */
export type BatchQuery = z.output<typeof BatchQuery>;

/**
 * Reads the query string of `POST /batches`.
 * @throws FacequeueError invalid_request naming the option that is unknown, given twice or has a bad value
 */
export function readBatchQuery(query: URLSearchParams): BatchQuery {
  return readQuery(BatchQuery, query);
}

/**
 * Combines the query string and, where there is one, the JSON body.
 * @param body its members; the gateway reads items separately and puts an empty list in their place
 * @throws FacequeueError invalid_request naming the invalid member
 * @example
 * const call = batchCall(readBatchQuery(url.searchParams), { s3: { prefix: 's3://photos/2024/' } });
 */
export function batchCall(query: BatchQuery, body?: unknown): BatchCall {
  const {
    open: openInQuery,
    webhook_url: webhookInQuery,
    output: outputInQuery,
    overwrite: overwriteInQuery,
    ...optionsInQuery
  } = query;
  const members = body === undefined ? {} : readBatchBody(body);
  const { options, ...rest } = members;
  const twice = Object.keys({ ...rest, ...options }).find((name) => Object.hasOwn(query, name));
  if (twice !== undefined) {
    throw new FacequeueError('invalid_request', `${twice} is given in the query and in the body`);
  }
  const isOpen = openInQuery ?? members.open ?? false;
  const url = outputInQuery ?? members.output;
  const overwrites = overwriteInQuery ?? members.overwrite;
  if (overwrites !== undefined && url === undefined) {
    throw new FacequeueError('invalid_request', 'overwrite needs output');
  }
  if (body !== undefined) {
    if (members.items && members.s3) {
      throw new FacequeueError('invalid_request', 'items and s3 cannot be used at the same time');
    }
    if (!members.items && !members.s3 && !isOpen) {
      throw new FacequeueError('invalid_request', 'neither items nor s3 is given, and the batch is not open');
    }
  }
  return {
    open: isOpen,
    options: DetectionOptions.parse({ ...optionsInQuery, ...options }),
    webhookUrl: webhookInQuery ?? members.webhook_url,
    output: url === undefined ? undefined : { url, overwrite: overwrites ?? false },
    listing: members.s3 && {
      prefix: members.s3.prefix,
      suffixes: [...new Set(members.s3.suffixes ?? IMAGE_SUFFIXES)],
    },
  };
}

/** Checks the members of a JSON body. Defaults are not filled in. */
function readBatchBody(body: unknown): Partial<z.output<typeof BatchBody>> {
  const given = readObject(body, 'the body must be a JSON object with items or s3');
  refuseUnknown(given, BatchBody);
  refuseUnknown(readObject(given['options'] ?? {}, 'options: expected an object'), BatchOptions);
  refuseInvalid(BatchBody.safeParse(given));
  return given;
}

/**
 * Checks the members of a JSON body that appends items. The gateway reads items separately and puts an empty list in their place.
 * @throws FacequeueError invalid_request naming the invalid member
 */
export function readItemsBody(body: unknown): void {
  const given = readObject(body, 'the body must be a JSON object with items');
  refuseUnknown(given, ItemsBody);
  refuseInvalid(ItemsBody.safeParse(given));
}

/**
 * Reads the query string of `GET /batches/{id}/results`.
 * @throws FacequeueError invalid_request, as `readBatchQuery` does
 */
export function readResultsQuery(query: URLSearchParams): { after: string; follow: boolean; limit: number } {
  const { after = '', follow = false, limit = Number.POSITIVE_INFINITY } = readQuery(ResultsQuery, query);
  return { after, follow, limit };
}

/**
 * The id of an item; null when it has none.
 * @throws FacequeueError invalid_request when the item is not an object or its id is not acceptable
 */
export function readItemId(item: unknown): string | null {
  const { id } = readObject(item, 'an item is a JSON object with url or img');
  if (id === undefined) return null;
  const parsed = ItemId.safeParse(id);
  if (parsed.success) return parsed.data;
  throw new FacequeueError('invalid_request', `id: ${parsed.error.issues[0]!.message}`, { parameter: 'id' });
}

/**
 * The image of an item. Only the presence of `img` matters, so a placeholder may stand for its value.
 * @throws FacequeueError invalid_request, whose `parameter` is the invalid member or `url and img`
 * @example
 * readItem({ id: 'a.jpg', url: 'https://example.org/a.jpg' }); // { url: 'https://example.org/a.jpg' }
 */
export function readItem(item: unknown): DetectionBody {
  const given = readObject(item, 'an item is a JSON object with url or img');
  refuseUnknown(given, BatchItemBody);
  return oneImage(given);
}
