import type { Registry } from '@facequeue/metrics';
import type { NextFunction, Request, Response } from 'express';
import type { Logger } from 'pino';
import { contextOf } from './context.ts';
import { countRequest } from './count.ts';

/** nginx's status for a client that went away before its answer; it is logged and counted only. */
const CLIENT_CLOSED = 499;

/** One line a request, when its answer is out or its client is gone. No query strings: a URL may be a secret. Counts it, too. */
export function accessLog(log: Logger, metrics: Registry) {
  return (request: Request, response: Response, next: NextFunction) => {
    response.once('close', () => {
      const status = response.headersSent ? response.statusCode : CLIENT_CLOSED;
      const { requestId, startedAt, route, owner, jobId, batchId } = contextOf(response);
      const ms = performance.now() - startedAt;
      countRequest(metrics, request.method, route, status, ms);
      log.info(
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
