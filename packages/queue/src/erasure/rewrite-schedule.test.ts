import { describe, expect, it } from 'vitest';
import { rewriteIsDue } from './rewrite-schedule.ts';

describe('a rewrite of the append-only file', () => {
  it('is due at once after the first erasure', () => {
    expect(rewriteIsDue(null, 0, 5)).toBe(false);
    expect(rewriteIsDue(null, 1, 5)).toBe(true);
  });

  it('is due a minute after the start of the last one, if something was erased since', () => {
    const last = { startedAt: 1000, tookMs: 100, erasures: 7 };
    expect(rewriteIsDue(last, 8, 60_999)).toBe(false);
    expect(rewriteIsDue(last, 8, 61_000)).toBe(true);
    expect(rewriteIsDue(last, 7, 1e9)).toBe(false);
    // Redis lost its data: the count began again.
    expect(rewriteIsDue(last, 1, 61_000)).toBe(true);
  });

  it('takes a twentieth of the time at most', () => {
    const last = { startedAt: 0, tookMs: 10_000, erasures: 7 };
    expect(rewriteIsDue(last, 8, 199_999)).toBe(false);
    expect(rewriteIsDue(last, 8, 200_000)).toBe(true);
  });
});
