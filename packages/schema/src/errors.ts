/**
 * The one catalogue of errors. It drives HTTP bodies (`application/problem+json`, RFC 9457), retries, metric labels,
 * the reference service's plain-text answers under COMPAT, and the errors page of the docs. It imports nothing: browsers load it.
 */

/** Meaning of a code for callers and for the queue. */
export interface ErrorEntry {
  /** HTTP status of an answer with this code. */
  readonly status: number;
  /** Short text for people, the same for every occurrence. */
  readonly title: string;
  /** When it happens, for the docs and the OpenAPI document. */
  readonly when: string;
  /** What a caller or operator should do about it, for the docs. */
  readonly action: string;
  /** Whether the same request may succeed later without being changed. */
  readonly retryable: boolean;
}

const entry = (status: number, title: string, when: string, action: string): ErrorEntry => ({
  status,
  title,
  when,
  action,
  retryable: false,
});

const retryableEntry = (...of: Parameters<typeof entry>): ErrorEntry => ({ ...entry(...of), retryable: true });

export const ERROR_CATALOGUE = {
  invalid_request: entry(
    400,
    'Invalid request',
    'body not JSON, none or both of url and img, unknown option, bad value, or one that the model pack cannot serve',
    'Correct what `detail` names; do not repeat the request as it is.',
  ),
  invalid_base64: entry(
    400,
    'Invalid base64',
    'img is not base64',
    'Send the image as standard or URL-safe base64, or its bytes as the body.',
  ),
  unauthorized: entry(
    401,
    'Unauthorized',
    'no, wrong or expired API key',
    'Send a key of `API_KEYS` or `API_KEYS_FILE` as `x-api-key` or as a bearer token.',
  ),
  forbidden: entry(
    403,
    'Forbidden',
    'the key lacks the scope, or the host or the web page may not call',
    'Use a key that has the scope which `detail` names ([security.md](security.md#api-keys)). Name a host that the gateway serves: one of `ALLOWED_HOSTS`, or without it and without keys its loopback address; for others set `API_KEYS`, `ALLOWED_HOSTS` or `ALLOW_OPEN=true`. For web pages of other origins set `CORS_ORIGINS` ([security.md](security.md#web-pages)).',
  ),
  not_found: entry(
    404,
    'Not found',
    'no such route, or an id that this installation cannot have made',
    'Check the path, `BASE_PATH` and the id.',
  ),
  method_not_allowed: entry(
    405,
    'Method not allowed',
    'the path exists, the method does not; see Allow',
    'Use a method that `Allow` names.',
  ),
  request_timeout: retryableEntry(
    408,
    'Request timeout',
    'the request was not sent in time',
    'Send it again over a faster connection; make a large body smaller.',
  ),
  conflict: entry(
    409,
    'Conflict',
    'cancel of a job or batch that has ended in another way, items for a closed batch, an output that already exists',
    'Read the job or batch to see its state. For an existing output, choose another key or set `overwrite`.',
  ),
  canceled: entry(
    409,
    'Canceled',
    'the job or item was canceled',
    'Nothing, if you canceled it; otherwise submit it again.',
  ),
  superseded: entry(
    409,
    'Superseded',
    'replaced by a newer frame of the same camera',
    'Nothing. If every frame counts, post with `keep=all`, less often, or add workers.',
  ),
  gone: entry(
    410,
    'Gone',
    'expired, deleted or never existed',
    'Submit the image again. To keep results longer, raise `RESULT_TTL`.',
  ),
  body_too_large: entry(
    413,
    'Body too large',
    'request body, image or number of lines over its limit',
    'Send a smaller image or fewer items per request, or raise `MAX_IMAGE_BYTES`.',
  ),
  unsupported_media_type: entry(
    415,
    'Unsupported media type',
    'a content type that is not accepted, or bytes in none of the image formats',
    'Send a content type and an image format that `detail` names.',
  ),
  idempotency_conflict: entry(
    422,
    'Idempotency conflict',
    'Idempotency-Key reused with another request',
    'Use a new key for each different image or set of options.',
  ),
  image_too_large: entry(
    422,
    'Image too large',
    'longest side over `MAX_IMAGE_SIDE` (8192 px), more than `MAX_IMAGE_PIXELS` (50 megapixels), or fewer for files that are decoded in one piece',
    'Scale the image down before sending it, or save it as an ordinary (not progressive or interlaced) JPEG or PNG; `detail` names the limit.',
  ),
  image_undecodable: entry(
    422,
    'Image undecodable',
    'truncated or corrupt image data',
    'Check that the file opens elsewhere and was sent completely; save it again.',
  ),
  source_forbidden: entry(
    422,
    'Source forbidden',
    'address, bucket, prefix or kind of source not allowed',
    'Use a public URL. For internal hosts or buckets the operator sets `SOURCE_ALLOW`, `S3_SOURCE_PREFIXES` or `S3_OUTPUT_PREFIXES`; `SOURCE_ONLY` and `SOURCES` restrict what may be asked ([security.md](security.md#image-urls-buckets-and-webhooks)).',
  ),
  source_unreachable: entry(
    422,
    'Source unreachable',
    'refused, not found, or answered with an error',
    'Open the URL from the worker’s network; send the bytes instead if only you can reach it.',
  ),
  source_timeout: retryableEntry(
    422,
    'Source timeout',
    'the image source was too slow',
    'Try again later, or raise `SOURCE_TIMEOUT`.',
  ),
  quota_exceeded: retryableEntry(
    429,
    'Quota exceeded',
    'the rate, the calls in progress or the waiting jobs of the key are used up, or the key or address has its share of what all callers share',
    'Wait as long as `Retry-After` says, then send the request again. `RateLimit` says what is left of a rate ([security.md](security.md#api-keys)); `detail` names a share ([security.md](security.md#floods)).',
  ),
  headers_too_large: entry(
    431,
    'Headers too large',
    'request line or headers over 16 kB',
    'Send fewer or shorter headers; put a long URL into a JSON body.',
  ),
  engine_crashed: entry(
    500,
    'Engine crashed',
    'this image killed an engine twice, alone',
    'Do not send this image again. Please report it, with the image if you can share it.',
  ),
  engine_timeout: entry(
    500,
    'Engine timeout',
    'this image took longer inside an engine than `ENGINE_TIMEOUT`, and a 50th of it more for each megapixel and a 200th for each face',
    'Send it smaller or with a cheaper `profile`. The operator can raise `ENGINE_TIMEOUT`.',
  ),
  internal_error: retryableEntry(
    500,
    'Internal error',
    'an unexpected failure of the service',
    'Try again; if it stays, look for the `X-Request-Id` in the logs and report it.',
  ),
  queue_full: retryableEntry(
    503,
    'Queue full',
    'too much work is waiting',
    'Wait as long as `Retry-After` says, then try again. If it happens often, add workers.',
  ),
  expired: retryableEntry(
    503,
    'Expired',
    'not started in time',
    'Submit the image again. If it happens often, add workers or raise `START_WITHIN`.',
  ),
  unavailable: retryableEntry(
    503,
    'Unavailable',
    'Redis or the workers are unavailable',
    'Wait as long as `Retry-After` says, then try again. The operator checks `/readyz`, Redis and the workers.',
  ),
  wait_timeout: retryableEntry(
    504,
    'Wait timeout',
    'the job continues; see Location',
    'Read the job at `Location` until it has ended; do not submit the image again.',
  ),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;

export const ERROR_CODES = Object.keys(ERROR_CATALOGUE) as [ErrorCode, ...ErrorCode[]];

/** Limits that can cause a `queue_full`: those of admission, the memory of Redis, and a gateway's memory for request bodies. */
export const REFUSAL_REASONS = [
  'waiting',
  'listed',
  'blob_bytes',
  'result_bytes',
  'host_webhooks',
  'webhooks',
  'camera',
  'cameras',
  'oldest',
  'wait',
  'memory',
  'open_batches',
  'bodies',
  'streams',
  'open_waits',
  'connections',
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/**
 * An error of the catalogue. `message` is public and becomes the problem's `detail`: lower case, no full stop, no internal
 * address, path or stack trace.
 * @example throw new FacequeueError('invalid_request', 'url is not an absolute URL', { parameter: 'url' });
 */
export class FacequeueError extends Error {
  override readonly name = 'FacequeueError';
  readonly code: ErrorCode;
  /** Milliseconds after which another attempt makes sense; becomes `Retry-After`. */
  readonly retryAfterMs: number | undefined;
  /** The job this error belongs to, if there is one. */
  readonly jobId: string | undefined;
  /** The invalid request member (`url`, `img`); COMPAT chooses the reference's text by it. */
  readonly parameter: string | undefined;
  /** The limit that caused a `queue_full`; metrics count by it. */
  readonly reason: RefusalReason | undefined;

  constructor(
    code: ErrorCode,
    detail: string,
    more: {
      retryAfterMs?: number;
      jobId?: string;
      parameter?: string;
      reason?: RefusalReason;
      cause?: unknown;
    } = {},
  ) {
    super(detail, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.retryAfterMs = more.retryAfterMs;
    this.jobId = more.jobId;
    this.parameter = more.parameter;
    this.reason = more.reason;
  }

  get entry(): ErrorEntry {
    return ERROR_CATALOGUE[this.code];
  }
}

/** Whether an error belongs to the catalogue. Also true for errors of another copy of this module, such as those that the engine's IPC rebuilds. */
export function isFacequeueError(error: unknown): error is FacequeueError {
  return error instanceof Error && error.name === 'FacequeueError' && 'code' in error;
}

/** Whether work was refused that may be accepted later: the queue, or a limit or share of the caller, has no room for it now. */
export function isRefusedForNow(error: unknown): error is FacequeueError {
  return isFacequeueError(error) && (error.code === 'queue_full' || error.code === 'quota_exceeded');
}

/** Body of an `application/problem+json` answer. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  job_id?: string;
}

/** The public form of an error: the body of an HTTP answer, and the `error` member of a failed job. */
export function toProblem(code: ErrorCode, detail: string, jobId?: string): Problem {
  const { title, status } = ERROR_CATALOGUE[code];
  return {
    type: `urn:facequeue:error:${code}`,
    title,
    status,
    detail,
    code,
    ...(jobId ? { job_id: jobId } : {}),
  };
}
