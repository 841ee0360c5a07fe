import type { Deadline } from '@facequeue/time';
import { discard, guardedAgent, USER_AGENT } from './agent.ts';
import type { ConnectorOptions } from './connector.ts';
import { connectionFailure } from './failures.ts';
import { parseRetryAfter } from './retry-after.ts';

/** Most bytes of an answer's body that are read, and the longest time, to let the receiver end its connection normally. */
const READ_BYTES = 64 * 1024;
const READ_MS = 1000;

/** The answer of a receiver. */
export interface PostAnswer {
  /** Any status; redirects are not followed. */
  status: number;
  /** `Retry-After`, as milliseconds from now. */
  retryAfterMs?: number;
}

/** Posts messages to http and https URLs. */
export function createHttpPoster(connector: ConnectorOptions) {
  const agent = guardedAgent(connector);
  return {
    /** @throws FacequeueError source_forbidden, source_unreachable, source_timeout; the signal's reason */
    async post(url: URL, headers: Record<string, string>, body: string, deadline: Deadline): Promise<PostAnswer> {
      try {
        const answer = await deadline.race(
          agent.request({
            origin: url.origin,
            path: url.pathname + url.search,
            method: 'POST',
            headers: { 'user-agent': USER_AGENT, accept: '*/*', 'accept-encoding': 'identity', ...headers },
            body,
            reset: true,
            signal: deadline.signal,
          }),
        );
        // Only the status counts; a failure of the body does not matter.
        await answer.body.dump({ limit: READ_BYTES, signal: AbortSignal.timeout(READ_MS) }).catch(() => {});
        discard(answer.body);
        const retryAfterMs = parseRetryAfter(answer.headers['retry-after'], Date.now());
        return { status: answer.statusCode, ...(retryAfterMs !== undefined && { retryAfterMs }) };
      } catch (error) {
        deadline.signal.throwIfAborted();
        throw connectionFailure(error, 'receiver');
      }
    },

    /** Closes all connections, including those in use. */
    close: () => agent.destroy(),
  };
}
