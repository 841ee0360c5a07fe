import { jobPath } from '@facequeue/schema/job-resource';
import type { Response } from 'express';
import { contextOf } from '../http/context.ts';

/** Names the job of a call in the headers of its answer, even of an error, and in its log line. */
export function nameJob(response: Response, id: string, basePath: string): void {
  contextOf(response).jobId = id;
  response.setHeader('X-Job-Id', id);
  response.setHeader('Location', jobPath(id, basePath));
}
