import type { Registry } from '@facequeue/metrics';
import { FacequeueError, isFacequeueError, referenceAnswer, toProblem } from '@facequeue/schema';
import type { Logger } from '@facequeue/service';
import type { Request, Response } from 'express';
import { ClientDisconnected } from './client-disconnected.ts';
import { contextOf } from './context.ts';
import { answerAndDiscardBody, bodyIncomplete } from './discard-body.ts';

/** `Retry-After` of a 503 whose error names none, ms. */
const DEFAULT_RETRY_AFTER_MS = 5000;

export interface ErrorAnswers {
  /** COMPAT=aws: the reference's plain-text 400s. */
  compat: boolean;
  log: Logger;
  metrics: Registry;
}

/**
 * Answers a request with an error. An answer that has begun is cut off; a client that has disconnected gets none.
 * @param thrown anything; errors other than a FacequeueError are logged and answered as internal_error
 */
export function answerError(
  request: Request,
  response: Response,
  thrown: unknown,
  { compat, log, metrics }: ErrorAnswers,
): void {
  if (thrown instanceof ClientDisconnected || response.destroyed) return;
  const context = contextOf(response);
  const error = publicError(thrown);
  metrics.count('facequeue_http_errors_total', { code: error.code });
  if (error.code === 'queue_full') metrics.count('facequeue_refused_total', { reason: error.reason ?? 'other' });
  if (error.code === 'internal_error') {
    const { requestId: request_id, jobId: job_id, batchId: batch_id } = context;
    log.error({ err: thrown, request_id, ...(job_id && { job_id }), ...(batch_id && { batch_id }) }, 'request failed');
  }
  if (response.headersSent) {
    request.socket.destroy();
    return;
  }
  const reference = compat ? referenceAnswer(error.code, error.parameter) : null;
  const status = reference?.status ?? error.entry.status;
  const jobId = error.jobId ?? context.jobId ?? undefined;
  const body = Buffer.from(reference?.text ?? JSON.stringify(toProblem(error.code, error.message, jobId)));
  response.statusCode = status;
  response.setHeader('Content-Type', reference ? 'text/plain; charset=utf-8' : 'application/problem+json');
  response.setHeader('Content-Length', body.length);
  if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
  if (status === 503 || error.retryAfterMs !== undefined) {
    const retryAfterMs = error.retryAfterMs ?? DEFAULT_RETRY_AFTER_MS;
    response.setHeader('Retry-After', Math.max(1, Math.ceil(retryAfterMs / 1000)));
  }
  if (bodyIncomplete(request)) answerAndDiscardBody(request, response, body);
  else response.end(request.method === 'HEAD' ? undefined : body);
}

/** True for the error that the queue throws while Redis is unreachable. */
export function isUnavailable(error: unknown): boolean {
  return isFacequeueError(error) && error.code === 'unavailable';
}

/** The error of the catalogue for anything that was thrown. */
function publicError(thrown: unknown): FacequeueError {
  if (isFacequeueError(thrown)) return thrown;
  return new FacequeueError('internal_error', 'internal error; the log has it under this X-Request-Id', {
    cause: thrown,
  });
}
