/** Headers that several operations have. */
import { z } from 'zod';

export const requestId = z.string().meta({
  description: "The caller's X-Request-Id when it matches [A-Za-z0-9_.-]{1,64}, else a new one.",
  header: { id: 'X-Request-Id' },
});

const givenRequestId = z
  .string()
  .regex(/^[\w.-]{1,64}$/)
  .optional()
  .meta({ description: 'Kept through logs and answers; one is made when it is absent or has another form.' });
export const requestHeaders = z.object({ 'X-Request-Id': givenRequestId });
export const eventsHeaders = requestHeaders.extend({
  'Last-Event-ID': z.string().optional().meta({ description: 'Id of the last event seen, which is not sent again.' }),
});
export const jobId = z.string().meta({ description: 'Id of the job that ran the call.', header: { id: 'X-Job-Id' } });
export const location = z.string().meta({ description: 'Path of the job.', header: { id: 'Location' } });
export const retryAfter = z.string().meta({
  description: 'Seconds after which trying again makes sense.',
  header: { id: 'Retry-After' },
});
export const allow = z.string().meta({ description: 'Methods the path has.', header: { id: 'Allow' } });
export const authenticate = z.string().meta({ description: 'Bearer', header: { id: 'WWW-Authenticate' } });
