// Not the whole package: `serve` loads this module for its connection, and should not keep the schemas in memory.
import { FacequeueError, isFacequeueError } from '@facequeue/schema/errors';
import { withTimeout } from '@facequeue/time';
import { refusalText } from '../limits/refusal-texts.ts';

/** When callers may try again while Redis is unreachable: it restarts within a few seconds. */
const RETRY_MS = 2000;

/**
 * What a failed Redis call means to the caller: `queue_full` when Redis has no memory left, `internal_error` when it
 * refused what we sent, `unavailable` for everything else. The text is public; the cause is for the log.
 */
export function publicError(error: unknown): FacequeueError {
  if (isFacequeueError(error)) return error;
  const cause = withoutCommand(error);
  const reply = cause.name === 'ReplyError' ? cause.message : '';
  // A refusal inside a script comes as "ERR Error running script" before Redis 7 and as its own code since.
  if (reply.includes('OOM command not allowed')) {
    return new FacequeueError('queue_full', refusalText('memory'), { retryAfterMs: RETRY_MS, reason: 'memory', cause });
  }
  if (/^(ERR|WRONGTYPE|CROSSSLOT|NOSCRIPT)\b/.test(reply)) {
    return new FacequeueError('internal_error', 'the queue refused a command', { cause });
  }
  return new FacequeueError('unavailable', 'the queue is not reachable', { retryAfterMs: RETRY_MS, cause });
}

/** ioredis attaches the command's arguments to its errors: image bytes that must not reach any log. */
export function withoutCommand(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  delete (error as { command?: unknown }).command;
  return error;
}

/**
 * Runs `work` and turns its errors into what they mean to the caller.
 * @throws what `publicError` makes of the error
 */
export async function mapRedisErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw publicError(error);
  }
}

/**
 * Limits the wait for Redis. The call itself continues.
 * @throws unavailable after `ms`
 */
export function orUnavailable<T>(work: Promise<T>, ms: number): Promise<T> {
  return withTimeout(work, ms, () => publicError(new Error(`no answer within ${ms} ms`)));
}
