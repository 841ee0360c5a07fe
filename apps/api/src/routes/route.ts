import type { Request, Response } from 'express';

/** One path and method of the API. */
export interface Route {
  method: 'get' | 'post';
  /** As the OpenAPI document writes it: `/jobs/{id}`. */
  path: string;
  /** Answers without an API key. */
  open?: boolean;
  /** Also answers outside BASE_PATH: probes are configured apart from it. */
  probe?: boolean;
  handle(request: Request, response: Response): Promise<void> | void;
}

/** The query string of a request, undecoded by Express: names may repeat. */
export function queryOf(request: Request): URLSearchParams {
  const at = request.originalUrl.indexOf('?');
  return new URLSearchParams(at < 0 ? '' : request.originalUrl.slice(at + 1));
}
