import type { Subscription } from '@facequeue/queue';
import { FacequeueError } from '@facequeue/schema';
import { describe, expect, it } from 'vitest';
import { pollStream } from './poll-stream.ts';
import type { EventStream } from './sse.ts';

/** A subscription whose waits end as told; afterwards they end with the call. */
function polling(...changes: boolean[]) {
  const abort = new AbortController();
  const seen = { waits: [] as number[], heartbeats: 0, reads: 0 };
  const subscription = {
    async nextChange(ms: number) {
      seen.waits.push(ms);
      const changed = changes.shift();
      if (changed === undefined) abort.abort();
      return changed ?? false;
    },
  } as Subscription;
  const stream = { heartbeat: () => seen.heartbeats++ } as unknown as EventStream;
  const poll = (read: () => Promise<string>, due?: boolean) =>
    pollStream(
      subscription,
      () => {
        seen.reads++;
        return read();
      },
      stream,
      abort.signal,
      due,
    );
  return { poll, seen };
}

const away = () => Promise.reject(new FacequeueError('unavailable', 'the queue is not reachable'));

describe('a stream that waits for a change', () => {
  it('sends a heartbeat every 15 s, reads only when something changed, and returns what it read', async () => {
    const { poll, seen } = polling(false, false, true);
    expect(await poll(async () => 'read')).toBe('read');
    expect(seen).toEqual({ waits: [15_000, 15_000, 15_000], heartbeats: 2, reads: 1 });
  });

  it('reads at once when a change is due', async () => {
    const { poll, seen } = polling();
    expect(await poll(async () => 'read', true)).toBe('read');
    expect(seen).toEqual({ waits: [], heartbeats: 0, reads: 1 });
  });

  it('repeats a read that failed a second later, with a heartbeat, until Redis can be reached', async () => {
    const { poll, seen } = polling(true, false, false);
    const answers = [away, away, async () => 'read'];
    expect(await poll(() => answers.shift()!())).toBe('read');
    expect(seen).toEqual({ waits: [15_000, 1000, 1000], heartbeats: 2, reads: 3 });
  });

  it('ends without a read when its client leaves, and with any other error', async () => {
    const left = polling(false);
    expect(await left.poll(async () => 'read')).toBeNull();
    expect(left.seen.reads).toBe(0);
    await expect(polling(true).poll(() => Promise.reject(new TypeError('a bug')))).rejects.toThrow('a bug');
  });
});
