import { FacequeueError } from '@facequeue/schema/errors';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { retryWhileFull } from './retry-while-full.ts';

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const { signal } = new AbortController();
const full = (retryAfterMs?: number) =>
  new FacequeueError('queue_full', 'full', retryAfterMs === undefined ? {} : { retryAfterMs });
const away = new FacequeueError('unavailable', 'away');

/** The outcome of a call that fails with these errors and then succeeds, and the pauses before its attempts, ms. */
async function attempted(...errors: FacequeueError[]) {
  const times: number[] = [];
  const outcome = retryWhileFull(async () => {
    times.push(performance.now());
    const error = errors.shift();
    if (error) throw error;
    return 'done';
  }, signal).catch((error) => error);
  await vi.runAllTimersAsync();
  return { outcome: await outcome, pauses: times.slice(1).map((time, i) => Math.round(time - times[i]!)) };
}

describe('a call while the queue is full', () => {
  it('is repeated after pauses that grow to 10 s, or as long as the service asks, however long', async () => {
    const refusals = [...Array.from({ length: 6 }, () => full()), full(3_600_000), full()];
    expect(await attempted(...refusals)).toEqual({
      outcome: 'done',
      pauses: [500, 1000, 2000, 4000, 8000, 10_000, 3_600_000, 10_000],
    });
  });

  it('survives an unavailable service ten times in a row, counted again after each answer', async () => {
    const tenTimes = Array<FacequeueError>(10).fill(away);
    expect((await attempted(...tenTimes, full(0), ...tenTimes)).outcome).toBe('done');
    expect(await attempted(...tenTimes, away)).toMatchObject({ outcome: away });
  });

  it('is not repeated when waiting cannot help: the refusal is thrown', async () => {
    const refusal = full(7000);
    const asked: number[] = [];
    const failing = retryWhileFull(
      () => Promise.reject(refusal),
      signal,
      async (ms) => asked.push(ms) < 3,
    );
    await expect(failing).rejects.toBe(refusal);
    expect(asked).toEqual([7000, 7000, 7000]);
  });
});
