import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { idempotencyHeader, newIdempotencyKey, preferJob } from './submission.ts';

describe('the Prefer header', () => {
  it('asks for the job, at once or after the wait rounded up to whole seconds', () => {
    expect(preferJob(undefined)).toBe('respond-async');
    expect([0, 1, 1000, 1001, 60_000, 1e9].map(preferJob)).toEqual(
      [0, 1, 1, 2, 60, 60].map((seconds) => `respond-async, wait=${seconds}`),
    );
  });
});

describe('an idempotency key', () => {
  it('is sent as a quoted string that parses to the key', () => {
    expect(idempotencyHeader('order 7')).toBe('"order 7"');
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (key) => {
        expect(idempotencyHeader(key)).toMatch(/^"([^"\\]|\\["\\])*"$/);
        expect(idempotencyHeader(key).slice(1, -1).replace(/\\(.)/g, '$1')).toBe(key);
      }),
    );
  });

  it.each(['', 'schlüssel', 'a\nb'])('%j is refused', (key) => {
    expect(() => idempotencyHeader(key)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it('is generated only once', () => {
    const keys = Array.from({ length: 1000 }, newIdempotencyKey);
    expect(new Set(keys).size).toBe(1000);
    for (const key of keys) expect(key).toMatch(/^[0-9a-f]{32}$/);
  });
});
