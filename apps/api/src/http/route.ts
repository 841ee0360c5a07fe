import { readNoQuery } from '@facequeue/schema';
import type { Scope } from '@facequeue/schema/scopes';
import type { Request, Response } from 'express';

/** One path and method of the API. */
export interface Route {
  method: 'get' | 'post' | 'delete';
  /** As the OpenAPI document writes it: `/jobs/{id}`. */
  path: string;
  /** The scope that its callers need; null: it answers everybody, without an API key. */
  scope: Scope | null;
  /** Takes a request body; other routes refuse one. */
  body?: boolean;
  /** Also answers outside BASE_PATH: probes and scrapers are configured apart from callers. */
  probe?: boolean;
  /** Level of its access log lines; `info` when absent. */
  logLevel?: 'debug';
  handle(request: Request, response: Response): Promise<void> | void;
}

/** The query string of a request. Express does not decode it (see app.ts): names may repeat. */
export function queryOf(request: Request): URLSearchParams {
  const at = request.originalUrl.indexOf('?');
  return new URLSearchParams(at < 0 ? '' : request.originalUrl.slice(at + 1));
}

/** @throws invalid_request when there is a query option: the route has none */
export function refuseQuery(request: Request): void {
  readNoQuery(queryOf(request));
}
