import type { Registry } from '@facequeue/metrics';
import type { Logger } from '@facequeue/service';
import type { NextFunction, Request, Response } from 'express';
import { contextOf } from './context.ts';

/** nginx's status for a client that disconnected before its answer. It is logged and counted, never sent. */
const CLIENT_CLOSED_REQUEST = 499;

const METHODS = ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS'] as const;

/**
 * Writes one log line per request, and counts it, when its answer has been sent or its client has disconnected. Query strings are left
 * out: a URL may contain a secret.
 * @param onKeyUsed called after each call with an API key
 */
export function accessLog(log: Logger, metrics: Registry, onKeyUsed: (owner: string, status: number) => void) {
  return (request: Request, response: Response, next: NextFunction) => {
    response.once('close', () => {
      const status = response.headersSent ? response.statusCode : CLIENT_CLOSED_REQUEST;
      const { requestId, startedAt, route, logLevel, owner, jobId, batchId } = contextOf(response);
      const ms = performance.now() - startedAt;
      metrics.observe(
        'facequeue_http_request_duration_seconds',
        {
          route: route || 'none',
          method: METHODS.find((method) => method === request.method) ?? 'other',
          status: String(status),
        },
        ms / 1000,
      );
      if (owner) {
        metrics.count('facequeue_key_calls_total', { key: owner, status: String(status) });
        onKeyUsed(owner, status);
      }
      log[logLevel](
        {
          method: request.method,
          route: route || null,
          status,
          ms: Math.round(ms),
          request_id: requestId,
          ...(jobId && { job_id: jobId }),
          ...(batchId && { batch_id: batchId }),
          ...(owner && { key: owner }),
        },
        'request',
      );
    });
    next();
  };
}
