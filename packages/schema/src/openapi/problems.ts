/** Error answers, from the catalogue. */
import { z } from 'zod';
import type { ZodOpenApiResponsesObject } from 'zod-openapi';
import { ERROR_CATALOGUE, type ErrorCode } from '../errors.ts';
import { ProblemBody } from '../http/problem.ts';
import { allow, authenticate, jobId, location, rateLimit, rateLimitPolicy, requestId, retryAfter } from './headers.ts';

/** Codes that any route can answer: those of the HTTP parser, the checks of scope, Host and Origin, and the router. */
const ANYWHERE: ErrorCode[] = [
  'invalid_request',
  'forbidden',
  'request_timeout',
  'headers_too_large',
  'method_not_allowed',
  'internal_error',
];

/** Codes that any route can answer which needs a key: its limits are counted in Redis. */
const WITH_KEY: ErrorCode[] = ['quota_exceeded', 'unavailable'];

/** Headers of an error answer with this status. */
function problemHeaders(status: number) {
  return z.object({
    'X-Request-Id': requestId,
    ...(status === 401 && { 'WWW-Authenticate': authenticate }),
    ...(status === 405 && { Allow: allow }),
    ...(status === 429 && { 'Retry-After': retryAfter, 'RateLimit-Policy': rateLimitPolicy, RateLimit: rateLimit }),
    ...(status === 503 && { 'Retry-After': retryAfter }),
    ...(status === 504 && { 'Retry-After': retryAfter, Location: location, 'X-Job-Id': jobId }),
  });
}

/** Error answers of an operation, grouped by status. */
export function problems(codes: ErrorCode[]): ZodOpenApiResponsesObject {
  const ofKeys = codes.includes('unauthorized') ? WITH_KEY : [];
  const byStatus = Map.groupBy(
    [...new Set([...ANYWHERE, ...codes, ...ofKeys])],
    (code) => ERROR_CATALOGUE[code].status,
  );
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
