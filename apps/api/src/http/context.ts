import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Response } from 'express';
import type { Caller } from './caller.ts';

/** Facts about one request, for its answer and its log line. */
export interface RequestContext {
  requestId: string;
  /** `performance.now()` when its headers had been read. */
  startedAt: number;
  /** Path of the matching route, as documented; empty when none matches. */
  route: string;
  /** Level of its access log line. */
  logLevel: 'info' | 'debug';
  /** Null on routes that are open, and until its key is found. */
  caller: Caller | null;
  /** Name of the caller's API key; empty without API keys. */
  readonly owner: string;
  /** See `Caller.flow`; empty on routes that are open. */
  readonly flow: string;
  jobId: string | null;
  batchId: string | null;
}

export function newContext(request: IncomingMessage): RequestContext {
  return {
    requestId: requestId(request.headers['x-request-id']),
    startedAt: performance.now(),
    route: '',
    logLevel: 'info',
    caller: null,
    get owner() {
      return this.caller?.owner ?? '';
    },
    get flow() {
      return this.caller?.flow ?? '';
    },
    jobId: null,
    batchId: null,
  };
}

/** The caller's id if it is fit for headers and logs, else a new one. */
export function requestId(given: string | string[] | undefined): string {
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
}

/** The context that app.ts stored in the response. */
export function contextOf(response: Response): RequestContext {
  return response.locals as RequestContext;
}
