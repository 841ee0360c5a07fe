import { FacequeueError } from '@facequeue/schema/errors';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createRetryPolicy, retryDelay } from './retry.ts';

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('the delay before the next attempt', () => {
  it('is never shorter than the service asks, and at most a quarter longer', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 10_000 }), random, (attempt, asked, r) => {
        const pause = retryDelay(attempt, asked, r)!;
        return pause >= asked && pause <= asked * 1.25;
      }),
    );
  });

  it('grows from 0.5 s to 10 s when the service asks for none, plus up to as much at random', () => {
    const pauses = (r: number) => [1, 2, 3, 4, 5, 6, 60].map((attempt) => retryDelay(attempt, undefined, r));
    expect(pauses(0)).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
    expect(pauses(0.5)).toEqual([750, 1500, 3000, 6000, 12_000, 15_000, 15_000]);
  });

  it('is null when the service asks for more than 10 s, or for more than the caller allows', () => {
    expect(retryDelay(1, 10_001, 0)).toBeNull();
    expect(retryDelay(1, 60_000, 0, 60_000)).toBe(60_000);
    expect(retryDelay(1, 60_001, 0, 60_000)).toBeNull();
  });
});

describe('an unavailable service, for a caller that waits', () => {
  afterEach(() => void vi.useRealTimers());
  const away = (retryAfterMs?: number) =>
    new FacequeueError('unavailable', 'away', retryAfterMs === undefined ? {} : { retryAfterMs });

  /** The number of failures in a row that the policy survives, and their total time, ms. */
  async function borne(error: unknown): Promise<{ failures: number; ms: number }> {
    vi.useFakeTimers();
    const began = Date.now();
    const retries = createRetryPolicy();
    let failures = 0;
    const all = (async () => {
      for (; ; failures++) await retries.failed(error, undefined);
    })().catch((thrown) => expect(thrown).toBe(error));
    await vi.runAllTimersAsync();
    await all;
    return { failures, ms: Date.now() - began };
  }

  it('has between one and two minutes to come back', async () => {
    const { ms } = await borne(away());
    expect(ms).toBeGreaterThan(60_000);
    expect(ms).toBeLessThan(140_000);
  });

  it('is given up for the reason of the signal once that has aborted, whatever the failure was', async () => {
    const reason = new Error('no longer needed');
    for (const failure of [away(), new TypeError('terminated')])
      await expect(createRetryPolicy().failed(failure, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it('may ask for up to a minute each time', async () => {
    expect((await borne(away(60_000))).failures).toBe(10);
    expect(await borne(away(60_001))).toEqual({ failures: 0, ms: 0 });
  });

  it('is not retried when the answer is final', async () => {
    for (const final of [new FacequeueError('gone', 'gone'), new TypeError('a mistake')])
      expect((await borne(final)).failures).toBe(0);
  });

  it('may fail repeatedly when it answers in between', async () => {
    vi.useFakeTimers();
    const retries = createRetryPolicy();
    const all = (async () => {
      for (let i = 0; i < 50; i++) {
        await retries.failed(away(), undefined);
        retries.succeeded();
      }
    })();
    await vi.runAllTimersAsync();
    await all;
  });
});
