import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextAttemptAt, RETRY_SCHEDULE } from './retry-schedule.ts';

const DAY_MS = 24 * 3600e3;
const random = fc.double({ min: 0, max: 1, noNaN: true });
const failedTry = fc.record({
  attempt: fc.integer({ min: 1, max: 10 }),
  endedAt: fc.integer({ min: 0, max: 2e12 }),
  late: fc.integer({ min: 0, max: 2 * DAY_MS }),
  retryAfterMs: fc.option(fc.integer({ min: 0, max: 3 * DAY_MS }), { nil: undefined }),
  random,
});

describe('the tries of a webhook', () => {
  it('to a receiver that never takes it are eight, the last one 18 to 24 hours after the job ended', () => {
    fc.assert(
      fc.property(fc.infiniteStream(random), (chances) => {
        let now = 0;
        let tries = 1;
        for (; ; tries++) {
          const next = nextAttemptAt({ attempt: tries, now, endedAt: 0, random: chances.next().value }, RETRY_SCHEDULE);
          if (next === null) break;
          expect(next).toBeGreaterThan(now);
          now = next;
        }
        expect(tries).toBe(8);
        expect(now).toBeGreaterThan(18 * 3600e3);
        expect(now).toBeLessThanOrEqual(DAY_MS);
      }),
    );
  });

  it('come ever later, but for the last two, and never all at the same moment', () => {
    for (const [i, pause] of RETRY_SCHEDULE.pausesMs.entries()) {
      const at = (chance: number) =>
        nextAttemptAt({ attempt: i + 1, now: 0, endedAt: 0, random: chance }, RETRY_SCHEDULE)!;
      expect(at(0)).toBe(pause);
      expect(at(1)).toBe(pause * 0.8);
      expect(at(0.3)).not.toBe(at(0.7));
      expect(pause).toBeGreaterThanOrEqual(RETRY_SCHEDULE.pausesMs[i - 1] ?? 0);
    }
  });

  it('end with the day, and not before the last pause', () => {
    fc.assert(
      fc.property(failedTry, ({ attempt, endedAt, late, retryAfterMs, random: chance }) => {
        const now = endedAt + late;
        const next = nextAttemptAt({ attempt, now, endedAt, retryAfterMs, random: chance }, RETRY_SCHEDULE);
        if (attempt > RETRY_SCHEDULE.pausesMs.length || late >= DAY_MS) expect(next).toBeNull();
        else {
          expect(next).toBeGreaterThan(now);
          expect(next).toBeLessThanOrEqual(endedAt + DAY_MS);
        }
      }),
    );
  });

  it('are never sooner than the receiver asks, unless the day would be over', () => {
    fc.assert(
      fc.property(failedTry, ({ attempt, endedAt, late, retryAfterMs, random: chance }) => {
        const now = endedAt + late;
        const asked = { attempt, now, endedAt, retryAfterMs, random: chance };
        const next = nextAttemptAt(asked, RETRY_SCHEDULE);
        if (next === null) return;
        expect(next).toBeGreaterThanOrEqual(Math.min(endedAt + DAY_MS, now + (retryAfterMs ?? 0)));
        // Nor sooner than without being asked: a receiver cannot hurry us.
        expect(next).toBeGreaterThanOrEqual(nextAttemptAt({ ...asked, retryAfterMs: undefined }, RETRY_SCHEDULE)!);
      }),
    );
  });
});
