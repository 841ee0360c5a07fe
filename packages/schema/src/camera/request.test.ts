import { describe, expect, it } from 'vitest';
import { readCameraName, readEventsStart, readFrameQuery, readFrameTime } from './request.ts';

const query = (text: string) => readFrameQuery(new URLSearchParams(text));

describe('the query of a frame', () => {
  it('has keep, max_age and the detection options', () => {
    expect(query('')).toMatchObject({ keep: 'latest', maxAgeMs: undefined, options: { profile: 'balanced' } });
    expect(query('keep=all&max_age=0.25&profile=fast&max_faces=2&landmarks=false')).toMatchObject({
      keep: 'all',
      maxAgeMs: 250,
      options: { profile: 'fast', max_faces: 2, landmarks: false },
    });
    expect([query('max_age=0.05'), query('max_age=3600')].map(({ maxAgeMs }) => maxAgeMs)).toEqual([50, 3_600_000]);
  });

  it.each([
    ['keep=newest', /option keep: expected one of latest, all/],
    ['max_age=0.04', /option max_age: /],
    ['max_age=3601', /option max_age: /],
    ['max_age=soon', /option max_age: expected a number/],
    ['priority=bulk', /unknown option "priority"; there are keep, max_age, profile/],
    ['webhook_url=https://example.org', /unknown option/],
    ['keep=all&keep=all', /option keep is given twice/],
  ])('%s is refused', (text, why) => {
    expect(() => query(text)).toThrow(
      expect.objectContaining({ code: 'invalid_request', message: expect.stringMatching(why) }),
    );
  });
});

describe('X-Frame-Time', () => {
  it('is a time with its offset', () => {
    const time = Date.parse('2026-01-02T03:04:05.678Z');
    expect(readFrameTime(undefined)).toBeNull();
    expect(readFrameTime('2026-01-02T03:04:05.678Z')).toBe(time);
    expect(readFrameTime('2026-01-02T04:04:05.678+01:00')).toBe(time);
    expect(readFrameTime('2026-01-02T03:04:05.678901Z')).toBe(time);
  });

  it.each([
    '',
    'now',
    '1767323045',
    '2026-01-02',
    '2026-02-30T00:00:00Z',
    '2026-01-02T03:04:05',
    '2026-01-02T03:04:05Z, x',
  ])('%j is refused with an example', (text) => {
    expect(() => readFrameTime(text)).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        message: 'X-Frame-Time: expected a time such as 2026-01-02T03:04:05.678Z',
      }),
    );
  });
});

describe("a camera's name", () => {
  it.each(['gate-1', 'Halle_2.links', '...a', 'x'.repeat(64)])('may be %s', (name) => {
    expect(readCameraName(name)).toBe(name);
  });

  it.each(['', '.', '..', 'a/b', 'a b', 'tür', 'x'.repeat(65), undefined])('may not be %j', (name) => {
    expect(() => readCameraName(name)).toThrow(
      expect.objectContaining({ code: 'invalid_request', message: expect.stringContaining('1 to 64 characters') }),
    );
  });
});

describe("a camera's events begin", () => {
  const start = (text: string, header?: string) => readEventsStart(new URLSearchParams(text), header);

  it('with new events, with the oldest one, or after the last one received', () => {
    expect([start(''), start('', ''), start('after=start'), start('after=12')]).toEqual([null, null, '', '12']);
    // An EventSource comes back to the same URL.
    expect([start('after=start', '17'), start('', 'start')]).toEqual(['17', '']);
  });

  it.each([
    ['after=new', undefined, /option after: expected the id of an event/],
    ['', '1-succeeded', /Last-Event-ID: expected the id of an event/],
    ['', `1${'0'.repeat(16)}`, /Last-Event-ID: expected the id of an event, or start$/],
    ['', 'started', /Last-Event-ID/],
    ['', 'x1', /Last-Event-ID/],
    ['before=1', undefined, /unknown option "before"; there are after$/],
  ])('not where %j %j says', (text, header, why) => {
    expect(() => start(text, header)).toThrow(
      expect.objectContaining({ code: 'invalid_request', message: expect.stringMatching(why) }),
    );
  });
});
