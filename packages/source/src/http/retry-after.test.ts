import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRetryAfter } from './retry-after.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
/** Representable in an HTTP date: whole seconds of four-digit years. */
const second = fc.integer({ min: 0, max: 250_000_000_000 }).map((seconds) => seconds * 1000);

describe('Retry-After', () => {
  it('in seconds is converted to milliseconds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9_999_999_999 }), (seconds) => {
        expect(parseRetryAfter(` ${seconds} `, NOW)).toBe(seconds * 1000);
      }),
    );
  });

  it('as a date is the time until then, 0 for a past date', () => {
    fc.assert(
      fc.property(second, (at) => {
        expect(parseRetryAfter(new Date(at).toUTCString(), NOW)).toBe(Math.max(0, at - NOW));
      }),
    );
  });

  it.each([
    '',
    'soon',
    '-1',
    '1.5',
    '1e3',
    '2026-01-02T03:04:05Z',
    'Fri, 99 Jan 2026 03:04:05 GMT',
    '99999999999',
    'on Fri, 02 Jan 2026 03:04:05 GMT',
    'Fri, 02 Jan 2026 03:04:05 GMT+1',
  ])('that is %j is ignored', (text) => expect(parseRetryAfter(text, NOW)).toBeUndefined());

  it('given twice or absent is ignored', () => {
    expect(parseRetryAfter(['1', '2'], NOW)).toBeUndefined();
    expect(parseRetryAfter(undefined, NOW)).toBeUndefined();
  });
});
