import type { NextFunction, Request, Response } from 'express';
import type { Logger } from 'pino';
import { contextOf } from './context.ts';

/** nginx's status for a client that went away before its answer; it is logged only. */
const CLIENT_CLOSED = 499;

/** One line a request, when its answer is out or its client is gone. No query strings: a URL may be a secret. */
export function accessLog(log: Logger) {
  return (request: Request, response: Response, next: NextFunction) => {
    response.once('close', () => {
      const { requestId, startedAt, route, owner, jobId, batchId } = contextOf(response);
      log.info(
        {
          method: request.method,
          route: route || null,
          status: response.headersSent ? response.statusCode : CLIENT_CLOSED,
          ms: Math.round(performance.now() - startedAt),
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
