import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Response } from 'express';

/** What is known of one request, for its answer and its log line. */
export interface RequestContext {
  requestId: string;
  /** `performance.now()` when its headers were read. */
  startedAt: number;
  /** Path of the route that took it, as documented; empty while none did. */
  route: string;
  /** Name of the caller's API key; empty in open mode. */
  owner: string;
  jobId: string | null;
  batchId: string | null;
}

export function newContext(request: IncomingMessage): RequestContext {
  return {
    requestId: requestId(request.headers['x-request-id']),
    startedAt: performance.now(),
    route: '',
    owner: '',
    jobId: null,
    batchId: null,
  };
}

/** The caller's id where it is fit for headers and logs, else a new one. */
export function requestId(given: string | string[] | undefined): string {
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
}

/** The context that the first handler put there (see app.ts). */
export function contextOf(response: Response): RequestContext {
  return response.locals as RequestContext;
}
