/**
 * The one catalogue of errors. It drives HTTP bodies (`application/problem+json`, RFC 9457), retries, metric labels,
 * the reference service's plain-text answers under COMPAT, and the errors page of the docs.
 */

/** What a code means to a caller and to the queue. */
export interface ErrorEntry {
  /** HTTP status of an answer with this code. */
  readonly status: number;
  /** Short human text, the same for every occurrence. */
  readonly title: string;
  /** Whether the same request may succeed later without being changed. */
  readonly retryable: boolean;
  /** When it happens, for the docs. */
  readonly when: string;
}

const entry = (status: number, title: string, when: string, retryable = false): ErrorEntry => ({
  status,
  title,
  when,
  retryable,
});

export const ERROR_CATALOGUE = {
  invalid_request: entry(
    400,
    'Invalid request',
    'body not JSON, none or both of url and img, unknown option, bad value',
  ),
  invalid_base64: entry(400, 'Invalid base64', 'img is not base64'),
  unauthorized: entry(401, 'Unauthorized', 'no or wrong API key'),
  forbidden: entry(403, 'Forbidden', 'the key, Host or Origin is not allowed to do this'),
  not_found: entry(404, 'Not found', 'no such route, or an id this installation cannot have made'),
  method_not_allowed: entry(405, 'Method not allowed', 'the path exists, the method does not; see Allow'),
  request_timeout: entry(408, 'Request timeout', 'the request was not sent in time', true),
  conflict: entry(
    409,
    'Conflict',
    'cancel of what has ended otherwise, items for a closed batch, an output that is there already',
  ),
  canceled: entry(409, 'Canceled', 'the job waited for, or the item, was canceled'),
  superseded: entry(409, 'Superseded', 'replaced by a newer frame of the same camera'),
  gone: entry(410, 'Gone', 'expired, deleted or never existed'),
  body_too_large: entry(413, 'Body too large', 'request body, image or number of lines over its limit'),
  unsupported_media_type: entry(415, 'Unsupported media type', 'content type, or bytes that are none of the formats'),
  idempotency_conflict: entry(422, 'Idempotency conflict', 'Idempotency-Key reused with another request'),
  image_too_large: entry(422, 'Image too large', 'longest side over 4096 px, or pixels over the limit'),
  image_undecodable: entry(422, 'Image undecodable', 'truncated or corrupt image data'),
  source_forbidden: entry(422, 'Source forbidden', 'address, bucket or prefix not allowed'),
  source_unreachable: entry(422, 'Source unreachable', 'refused, not found, or answered with an error'),
  source_timeout: entry(422, 'Source timeout', 'the image source was too slow', true),
  quota_exceeded: entry(429, 'Quota exceeded', 'the rate limit of the key is used up', true),
  headers_too_large: entry(431, 'Headers too large', 'request line or headers over 16 kB'),
  engine_crashed: entry(500, 'Engine crashed', 'this image killed an engine twice, alone'),
  engine_timeout: entry(500, 'Engine timeout', 'this image hung an engine twice, alone'),
  internal_error: entry(500, 'Internal error', 'our fault', true),
  queue_full: entry(503, 'Queue full', 'admission: too much work is waiting', true),
  expired: entry(503, 'Expired', 'not started in time', true),
  unavailable: entry(503, 'Unavailable', 'Redis or the workers are away', true),
  wait_timeout: entry(504, 'Wait timeout', 'the job goes on; see Location', true),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;

export const ERROR_CODES = Object.keys(ERROR_CATALOGUE) as [ErrorCode, ...ErrorCode[]];

/** What `queue_full` may be for: the limits of admission, Redis' own memory, and a gateway's room for request bodies. */
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
  'bodies',
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** An error of the catalogue. `message` is public: no internal address, path or stack trace may be in it. */
export class FacequeueError extends Error {
  override readonly name = 'FacequeueError';
  readonly code: ErrorCode;
  /** Milliseconds after which trying again makes sense; becomes `Retry-After`. */
  readonly retryAfterMs: number | undefined;
  /** The job this error belongs to, if there is one. */
  readonly jobId: string | undefined;
  /** The request member at fault (`url`, `img`); COMPAT picks the reference's text by it. */
  readonly parameter: string | undefined;
  /** Which limit a `queue_full` is for; metrics count by it. */
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

/** True for errors of the catalogue, also across copies of this module (the engine's IPC rebuilds them). */
export function isFacequeueError(error: unknown): error is FacequeueError {
  return error instanceof Error && error.name === 'FacequeueError' && 'code' in error;
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

/** The public form of an error: what HTTP answers carry and what a failed job's `error` member holds. */
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
