import type { NewItem } from '@facequeue/queue';
import { FacequeueError } from '@facequeue/schema';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { BatchAppender } from './batch-appender.ts';

const item = (line: number): NewItem => ({ name: null, line, content: { kind: 'url', url: 'https://example.org/' } });

/** A queue with room for `room` items. @param code why it refuses others */
function queueOf(room: number, code: 'queue_full' | 'quota_exceeded' = 'queue_full') {
  const calls: number[][] = [];
  let left = room;
  return {
    calls,
    append: async (items: NewItem[]) => {
      if (items.length > left) throw new FacequeueError(code, 'full', { retryAfterMs: 1000 });
      left -= items.length;
      calls.push(items.map(({ line }) => line!));
      return { accepted: items.length, skipped: 0, failed: 0 };
    },
  };
}

describe('the appender of a request', () => {
  it('appends every item once and in order, in chunks that the queue accepts', async () => {
    const sizes = fc.array(fc.oneof(fc.nat(100), fc.nat(6 << 20)), { maxLength: 600 });
    await fc.assert(
      fc.asyncProperty(sizes, async (sizes) => {
        const { append, calls } = queueOf(Number.POSITIVE_INFINITY);
        const appender = new BatchAppender(append, false);
        for (const [i, bytes] of sizes.entries()) await appender.add(item(i), bytes);
        await appender.flush();
        expect(calls.flat()).toEqual(sizes.map((_, i) => i));
        for (const lines of calls) {
          expect(lines.length).toBeLessThanOrEqual(256);
          const bytes = lines.reduce((sum, line) => sum + sizes[line]!, 0);
          expect(lines.length === 1 || bytes <= 4 << 20).toBe(true);
        }
        expect(appender.total.accepted).toBe(sizes.length);
        expect(appender.bufferedBytes).toBe(0);
      }),
    );
  });

  it('appends what the queue, or its caller’s share of it, has room for, and reports the last line', async () => {
    const refusal = fc.constantFrom('queue_full' as const, 'quota_exceeded' as const);
    await fc.assert(
      fc.asyncProperty(fc.nat(300), fc.integer({ min: 1, max: 256 }), refusal, async (room, count, code) => {
        const { append, calls } = queueOf(room, code);
        const appender = new BatchAppender(append, true);
        const filled = (async () => {
          for (let line = 1; line <= count; line++) await appender.add(item(line), 1);
          await appender.flush();
        })();
        if (room < count) await expect(filled).rejects.toThrow('full');
        else await filled;
        expect(calls.flat().length).toBe(Math.min(room, count));
        expect(appender.lastLine).toBe(Math.min(room, count));
      }),
    );
  });

  it('appends a short chunk while no item is available, unless the last one was sent less than 250 ms ago', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const { append, calls } = queueOf(9);
      const appender = new BatchAppender(append, true);
      await appender.flush();
      for (const line of [1, 2]) {
        await appender.add(item(line), 1);
        vi.advanceTimersByTime(120);
        await appender.idle();
        expect(calls).toEqual([]);
      }
      vi.advanceTimersByTime(10);
      await appender.idle();
      expect(calls).toEqual([[1, 2]]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('appends a whole chunk or nothing when partial appends are not allowed', async () => {
    const { append, calls } = queueOf(9);
    const appender = new BatchAppender(append, false);
    for (let line = 1; line <= 10; line++) await appender.add(item(line), 1);
    await expect(appender.flush()).rejects.toThrow('full');
    expect(calls).toEqual([]);
  });
});
