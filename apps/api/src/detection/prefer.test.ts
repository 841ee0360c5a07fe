import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { appliedPreferences, readPreferences } from './prefer.ts';

describe('Prefer', () => {
  it.each<[string | undefined, boolean, number | null]>([
    [undefined, false, null],
    ['', false, null],
    ['respond-async', true, null],
    ['Respond-Async', true, null],
    ['wait=10', false, 10_000],
    ['WAIT = 10', false, 10_000],
    ['wait="10"', false, 10_000],
    ['wait=0', false, 0],
    ['wait=007', false, 7000],
    ['respond-async, wait=60', true, 60_000],
    ['wait=3,respond-async', true, 3000],
    ['respond-async;foo=bar, wait=3 ; a ; b="c, wait=5"', true, 3000],
    [',, respond-async ,,', true, null],
    // Unknown preferences are ignored, even if they resemble known ones.
    ['return=minimal, handling=lenient', false, null],
    ['foo="respond-async, wait=1", wait=2', false, 2000],
    ['foo="a\\", wait=1", wait=2', false, 2000],
    ['foo=respond-async', false, null],
    ['foo; respond-async', false, null],
    // The first of two counts, even if it is invalid.
    ['wait=1, wait=2', false, 1000],
    ['wait=soon, wait=2', false, null],
    // Malformed ones are ignored.
    ['wait', false, null],
    ['wait=', false, null],
    ['wait=-1', false, null],
    ['wait=1.5', false, null],
    ['wait=1s', false, null],
    ['wait="1', false, null],
    ['wait=1 2', false, null],
    ['respond-async=no', false, null],
    ['respond-async=""', true, null],
    // A longer wait counts as 60 s.
    ['wait=61', false, 60_000],
    ['wait=99999999999999999999', false, 60_000],
  ])('%j is understood', (header, respondAsync, waitMs) => {
    expect(readPreferences(header)).toEqual({ respondAsync, waitMs });
  });

  it('never throws on any header, and parses it quickly', () => {
    const nasty = fc.stringMatching(/^[;,="\\ \twait1respond\-async]{0,200}$/);
    fc.assert(
      fc.property(fc.oneof(fc.string(), nasty), (header) => {
        const { waitMs } = readPreferences(header);
        expect(waitMs === null || (waitMs >= 0 && waitMs <= 60_000)).toBe(true);
      }),
    );
    for (const chunk of [' ; ', '"', '\\', '"\\', 'wait=', ' = ', ', '])
      expect(readPreferences(`wait${chunk.repeat(5000)}x`).respondAsync).toBe(false);
  });

  it('is echoed as far as it was applied', () => {
    expect(appliedPreferences({ respondAsync: true, waitMs: null }, true)).toBe('respond-async');
    expect(appliedPreferences({ respondAsync: true, waitMs: 5000 }, true)).toBe('respond-async, wait=5');
    expect(appliedPreferences({ respondAsync: true, waitMs: 5000 }, false)).toBe('wait=5');
    expect(appliedPreferences({ respondAsync: false, waitMs: 0 }, true)).toBe('wait=0');
    expect(appliedPreferences({ respondAsync: false, waitMs: null }, false)).toBe('');
  });
});
