import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextAttemptAt, RETRY_SCHEDULE } from './retry-schedule.ts';

const DAY_MS = 24 * 3600e3;
const random = fc.double({ min: 0, max: 1, noNaN: true });
const failedAttempt = fc.record({
  attempt: fc.integer({ min: 1, max: 10 }),
  endedAt: fc.integer({ min: 0, max: 2e12 }),
  late: fc.integer({ min: 0, max: 2 * DAY_MS }),
  retryAfterMs: fc.option(fc.integer({ min: 0, max: 3 * DAY_MS }), { nil: undefined }),
  random,
});

describe('the attempts of a webhook', () => {
  it('that never succeeds are eight, the last one 18 to 24 hours after the job ended', () => {
    fc.assert(
      fc.property(fc.infiniteStream(random), (chances) => {
        let now = 0;
        let attempts = 1;
        for (; ; attempts++) {
          const next = nextAttemptAt(
            { attempt: attempts, now, endedAt: 0, random: chances.next().value },
            RETRY_SCHEDULE,
          );
          if (next === null) break;
          expect(next).toBeGreaterThan(now);
          now = next;
        }
        expect(attempts).toBe(8);
        expect(now).toBeGreaterThan(18 * 3600e3);
        expect(now).toBeLessThanOrEqual(DAY_MS);
      }),
    );
  });

  it('have delays that never shrink, with jitter', () => {
    for (const [i, delay] of RETRY_SCHEDULE.delaysMs.entries()) {
      const at = (chance: number) =>
        nextAttemptAt({ attempt: i + 1, now: 0, endedAt: 0, random: chance }, RETRY_SCHEDULE)!;
      expect(at(0)).toBe(delay);
      expect(at(1)).toBe(delay * 0.8);
      expect(at(0.3)).not.toBe(at(0.7));
      expect(delay).toBeGreaterThanOrEqual(RETRY_SCHEDULE.delaysMs[i - 1] ?? 0);
    }
  });

  it('end with the day, and not before the last delay', () => {
    fc.assert(
      fc.property(failedAttempt, ({ attempt, endedAt, late, retryAfterMs, random: chance }) => {
        const now = endedAt + late;
        const next = nextAttemptAt({ attempt, now, endedAt, retryAfterMs, random: chance }, RETRY_SCHEDULE);
        if (attempt > RETRY_SCHEDULE.delaysMs.length || late >= DAY_MS) expect(next).toBeNull();
        else {
          expect(next).toBeGreaterThan(now);
          expect(next).toBeLessThanOrEqual(endedAt + DAY_MS);
        }
      }),
    );
  });

  it('end at the last millisecond of the day', () => {
    const at = (now: number) => nextAttemptAt({ attempt: 1, now, endedAt: 0, random: 0 }, RETRY_SCHEDULE);
    expect([at(DAY_MS - 1), at(DAY_MS)]).toEqual([DAY_MS, null]);
  });

  it('are never sooner than the receiver asks, unless the day ends before', () => {
    fc.assert(
      fc.property(failedAttempt, ({ attempt, endedAt, late, retryAfterMs, random: chance }) => {
        const now = endedAt + late;
        const failed = { attempt, now, endedAt, retryAfterMs, random: chance };
        const next = nextAttemptAt(failed, RETRY_SCHEDULE);
        if (next === null) return;
        expect(next).toBeGreaterThanOrEqual(Math.min(endedAt + DAY_MS, now + (retryAfterMs ?? 0)));
        // A receiver can only lengthen a delay.
        expect(next).toBeGreaterThanOrEqual(nextAttemptAt({ ...failed, retryAfterMs: undefined }, RETRY_SCHEDULE)!);
      }),
    );
  });
});
