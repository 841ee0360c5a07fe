/** Headers that several operations share. */
import { z } from 'zod';

export const requestId = z.string().meta({
  description: "The caller's X-Request-Id when it matches [A-Za-z0-9_.-]{1,64}, else a new one.",
  header: { id: 'X-Request-Id' },
});

const givenRequestId = z.string().optional().meta({
  description: 'Used in logs and answers when it matches [A-Za-z0-9_.-]{1,64}; else the gateway makes one.',
});
export const requestHeaders = z.object({ 'X-Request-Id': givenRequestId });
export const eventsHeaders = requestHeaders.extend({
  'Last-Event-ID': z
    .string()
    .optional()
    .meta({ description: 'Id of the last event that was received; the stream continues after it.' }),
});
export const jobId = z.string().meta({ description: 'Id of the job that ran the call.', header: { id: 'X-Job-Id' } });
export const location = z.string().meta({ description: 'Path of the job.', header: { id: 'Location' } });
export const retryAfter = z.string().meta({
  description: 'Seconds after which another attempt makes sense.',
  header: { id: 'Retry-After' },
});
export const rateLimitPolicy = z.string().meta({
  description: 'What the key may do (draft-ietf-httpapi-ratelimit-headers), on every answer to a key with limits.',
  header: { id: 'RateLimit-Policy' },
});
export const rateLimit = z.string().meta({
  description: 'What is left of it, on every answer to a key with limits.',
  header: { id: 'RateLimit' },
});
export const allow = z.string().meta({ description: 'Methods of the path.', header: { id: 'Allow' } });
export const authenticate = z.string().meta({ description: 'Bearer', header: { id: 'WWW-Authenticate' } });
