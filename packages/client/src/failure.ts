import { ERROR_CATALOGUE, type ErrorCode, FacequeueError, type Problem } from '@facequeue/schema/errors';

/** Codes for answers without one: from a proxy, or plain text under COMPAT=aws. */
const CODE_OF_STATUS: Record<number, ErrorCode> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'request_timeout',
  413: 'body_too_large',
  415: 'unsupported_media_type',
  429: 'quota_exceeded',
  431: 'headers_too_large',
  502: 'unavailable',
  503: 'unavailable',
  504: 'unavailable',
};

/** Longest detail taken from a body, characters: the answer of a proxy may be a whole page. */
const MAX_DETAIL_LENGTH = 200;

/** An error answer. */
export interface Refusal {
  error: FacequeueError;
  /** Whether the service itself answered; only then is the code reliable. */
  certain: boolean;
}

/**
 * Converts an error answer to an error.
 * @param text the answer's whole body
 * @param now Unix milliseconds, for a Retry-After that is a date
 */
export function readRefusal(status: number, headers: Headers, text: string, now: number): Refusal {
  const problem = readProblem(text);
  const code = problem?.code ?? CODE_OF_STATUS[status] ?? (status >= 500 ? 'internal_error' : 'invalid_request');
  const retryAfterMs = readRetryAfter(headers.get('retry-after'), now);
  const jobId = problem?.job_id ?? headers.get('x-job-id');
  const detail = problem?.detail ?? (text.trim().slice(0, MAX_DETAIL_LENGTH) || `the answer was ${status}`);
  return {
    error: new FacequeueError(code, detail, {
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      ...(jobId && { jobId }),
    }),
    certain: problem !== null,
  };
}

/** The problem in a body; null when there is none, or when this version does not know its code. */
function readProblem(text: string): Problem | null {
  try {
    const problem = JSON.parse(text) as Partial<Problem> | null;
    return problem && Object.hasOwn(ERROR_CATALOGUE, String(problem.code)) ? (problem as Problem) : null;
  } catch {
    return null;
  }
}

/** IMF-fixdate, the form HTTP dates are sent in. `Date.parse` alone takes `5.5` for a day in May. */
const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * Milliseconds of a `Retry-After` header, which has seconds or an HTTP date (RFC 9110, section 10.2.3).
 * @param now Unix milliseconds
 */
export function readRetryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = HTTP_DATE.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
