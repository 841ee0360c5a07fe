/** Requests about a job. */
import { z } from 'zod';
import { queryNumber, readQuery } from '../http/query.ts';

/** Longest wait a caller may request, s: common load balancers drop connections that are silent for longer. */
export const MAX_WAIT_S = 60;

/** Query options of `GET /jobs/{id}`, as strings. */
export const JobQuery = z.strictObject({
  wait: queryNumber(/^\d{1,2}$/, z.int().max(MAX_WAIT_S), {
    type: 'integer',
    minimum: 0,
    maximum: MAX_WAIT_S,
    default: 0,
    description: 'Seconds the answer waits for the end of the job.',
  }).optional(),
});

/**
 * Reads the query string of `GET /jobs/{id}`.
 * @throws FacequeueError invalid_request naming the invalid option
 */
export function readJobQuery(query: URLSearchParams): z.output<typeof JobQuery> {
  return readQuery(JobQuery, query);
}
