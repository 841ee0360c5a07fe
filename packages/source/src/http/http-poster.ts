import type { Budget } from '../budget.ts';
import { discard, guardedAgent, USER_AGENT } from './agent.ts';
import type { ConnectorOptions } from './connector.ts';
import { connectionFailure } from './failures.ts';
import { parseRetryAfter } from './retry-after.ts';

/** How much of an answer is read, and for how long, so that the receiver may end its connection in peace. */
const READ_BYTES = 64 * 1024;
const READ_MS = 1000;

/** What a receiver said. */
export interface PostAnswer {
  /** Any status; redirects are not followed. */
  status: number;
  /** Its `Retry-After`, as milliseconds from now. */
  retryAfterMs?: number;
}

/** Messages to http and https. */
export function createHttpPoster(connector: ConnectorOptions) {
  const agent = guardedAgent(connector);
  return {
    /** @throws FacequeueError source_forbidden, source_unreachable, source_timeout; the signal's reason */
    async post(url: URL, headers: Record<string, string>, body: string, budget: Budget): Promise<PostAnswer> {
      try {
        const answer = await budget.race(
          agent.request({
            origin: url.origin,
            path: url.pathname + url.search,
            method: 'POST',
            headers: { 'user-agent': USER_AGENT, accept: '*/*', 'accept-encoding': 'identity', ...headers },
            body,
            reset: true,
            signal: budget.signal,
          }),
        );
        // The answer is its status: whatever becomes of its body changes nothing.
        await answer.body.dump({ limit: READ_BYTES, signal: AbortSignal.timeout(READ_MS) }).catch(() => {});
        discard(answer.body);
        const retryAfterMs = parseRetryAfter(answer.headers['retry-after'], Date.now());
        return { status: answer.statusCode, ...(retryAfterMs !== undefined && { retryAfterMs }) };
      } catch (error) {
        budget.signal.throwIfAborted();
        throw connectionFailure(error, 'receiver');
      }
    },

    /** Ends all connections, those in use too. */
    close: () => agent.destroy(),
  };
}
