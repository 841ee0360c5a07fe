import { describe, expect, it } from 'vitest';
import { throttleErrors } from './throttle-errors.ts';

describe('throttled errors', () => {
  it('are reported once in 30 s for each message', () => {
    let now = 0;
    const reported: [number, string][] = [];
    const report = throttleErrors(
      (error) => reported.push([now, error.message]),
      undefined,
      () => now,
    );
    for (now = 0; now <= 60_000; now += 1000) {
      report(new Error('connection refused'));
      if (now === 5000) report(new Error('something else'));
    }
    expect(reported).toEqual([
      [0, 'connection refused'],
      [5000, 'something else'],
      [30_000, 'connection refused'],
      [60_000, 'connection refused'],
    ]);
  });
});
