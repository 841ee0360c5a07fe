import type { Registry } from '@facequeue/metrics';
import { FacequeueError, isFacequeueError, type Problem, referenceAnswer, toProblem } from '@facequeue/schema';
import type { Request, Response } from 'express';
import type { Logger } from 'pino';
import { ClientDisconnected } from './client-disconnected.ts';
import { contextOf } from './context.ts';
import { countError } from './count.ts';
import { answerBeforeBody, hasUnreadBody } from './discard-body.ts';

/** For a 503 that knows no better. */
const RETRY_AFTER_MS = 5000;

export interface ErrorAnswers {
  /** COMPAT=aws: the reference's plain-text 400s. */
  compat: boolean;
  log: Logger;
  metrics: Registry;
}

/** Answers a request with an error, whatever was thrown. */
export function answerError(
  request: Request,
  response: Response,
  thrown: unknown,
  { compat, log, metrics }: ErrorAnswers,
) {
  const context = contextOf(response);
  if (thrown instanceof ClientDisconnected || response.destroyed) return;
  const error = publicError(thrown);
  countError(metrics, error);
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
  const text = reference?.text ?? JSON.stringify(problemOf(error, context.jobId));
  const body = Buffer.from(text);
  response.statusCode = status;
  response.setHeader('Content-Type', reference ? 'text/plain; charset=utf-8' : 'application/problem+json');
  response.setHeader('Content-Length', body.length);
  if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
  if (status === 503 || error.retryAfterMs !== undefined) {
    response.setHeader('Retry-After', Math.max(1, Math.ceil((error.retryAfterMs ?? RETRY_AFTER_MS) / 1000)));
  }
  if (hasUnreadBody(request)) answerBeforeBody(request, response, body);
  else response.end(request.method === 'HEAD' ? undefined : body);
}

function problemOf(error: FacequeueError, jobId: string | null): Problem {
  return toProblem(error.code, error.message, error.jobId ?? jobId ?? undefined);
}

/** The error of the catalogue that stands for what was thrown. */
function publicError(thrown: unknown): FacequeueError {
  if (isFacequeueError(thrown)) return thrown;
  return new FacequeueError('internal_error', 'something went wrong here; X-Request-Id finds it in the log', {
    cause: thrown,
  });
}
