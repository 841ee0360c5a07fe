import type { AppendReport } from '@facequeue/schema';
import { isFacequeueError } from '@facequeue/schema/errors';
import { createEndurance, pause, pauseBeforeRetry } from '../retry.ts';
import type { Call, Transport } from '../transport.ts';
import type { Chunk } from './chunks.ts';

/**
 * Appends a chunk, all of whose items have ids, to an open batch. While the service has no room it is offered again, for as
 * long as that takes; when the service is away or the request breaks, as `wait` does it: items that are there are known by
 * their ids.
 * @throws what the service refuses it with: `conflict` for a closed batch, `gone`, …; `unavailable` when it stays away; the
 * signal's reason
 */
export async function appendChunk(
  call: Transport['call'],
  path: string,
  chunk: Chunk,
  signal: AbortSignal,
): Promise<AppendReport> {
  const append: Call = {
    method: 'POST',
    path,
    body: { body: chunk.body, type: 'application/x-ndjson' },
    repeatable: true,
    retries: 0,
    signal,
  };
  const endurance = createEndurance();
  for (let refusals = 1; ; ) {
    try {
      return (await call<AppendReport>(append)).json;
    } catch (error) {
      if (isFacequeueError(error) && (error.code === 'queue_full' || error.code === 'quota_exceeded')) {
        endurance.answered();
        const ms = pauseBeforeRetry(refusals++, error.retryAfterMs, Math.random(), Number.POSITIVE_INFINITY)!;
        await pause(ms, signal);
        continue;
      }
      await endurance.failed(error, signal);
    }
  }
}
