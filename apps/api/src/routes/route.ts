import { readNoQuery } from '@facequeue/schema';
import type { Request, Response } from 'express';
import { contextOf } from '../http/context.ts';
import { parseId } from '../jobs/known.ts';

/** One path and method of the API. */
export interface Route {
  method: 'get' | 'post' | 'delete';
  /** As the OpenAPI document writes it: `/jobs/{id}`. */
  path: string;
  /** Answers without an API key. */
  open?: boolean;
  /** Takes a request body; elsewhere one is refused. */
  body?: boolean;
  /** Also answers outside BASE_PATH: probes are configured apart from it. */
  probe?: boolean;
  handle(request: Request, response: Response): Promise<void> | void;
}

/** The query string of a request, undecoded by Express: names may repeat. */
export function queryOf(request: Request): URLSearchParams {
  const at = request.originalUrl.indexOf('?');
  return new URLSearchParams(at < 0 ? '' : request.originalUrl.slice(at + 1));
}

/** @throws invalid_request when there is a query option: the route has none */
export function refuseOptions(request: Request): void {
  readNoQuery(queryOf(request));
}

/**
 * The job id in the path, which the request's log line then has too.
 * @throws not_found when it is none
 */
export function jobIdOf(request: Request, response: Response): string {
  const id = parseId(request.params['id'], 'job');
  contextOf(response).jobId = id;
  return id;
}

/**
 * The batch id in the path, which the request's log line then has too.
 * @throws not_found when it is none
 */
export function batchIdOf(request: Request, response: Response): string {
  const id = parseId(request.params['id'], 'batch');
  contextOf(response).batchId = id;
  return id;
}
