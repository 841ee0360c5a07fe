import { describe, expect, it } from 'vitest';
import { readBatchQuery, readResultsQuery } from '../batch/request.ts';
import { readEventsStart, readFrameQuery } from '../camera/request.ts';

const query = (text: string) => new URLSearchParams(text);

const eventsStart = (given: URLSearchParams) => readEventsStart(given, undefined);

/** Options, values that each of them refuses, and what it says is expected. */
const REFUSED: [name: string, values: string[], expected: string, read: (given: URLSearchParams) => unknown][] = [
  ['after', ['1a', 'a1', '-1', '1.5', '', '1234567890123456'], 'the cursor of a line of results', readResultsQuery],
  ['limit', ['1a', 'a1', '-1', '+1', '1.5', '', '1000000'], 'a whole number', readResultsQuery],
  ['max_age', ['1a', 'a1', '-1', '1e1', '.', '1.', ''], 'a number', readFrameQuery],
  ['after', ['1a', 'a1', 'starts', 'restart', '-1', '12345678901234567'], 'the id of an event, or start', eventsStart],
  ['open', ['1', 'yes', 'TRUE', ''], 'true or false', readBatchQuery],
];

describe('a query string', () => {
  for (const [name, values, expected, read] of REFUSED)
    it.each(values)(`with ${name}=%j is refused: ${expected} is expected`, (value) => {
      expect(() => read(new URLSearchParams({ [name]: value }))).toThrow(
        expect.objectContaining({ code: 'invalid_request', message: `option ${name}: expected ${expected}` }),
      );
    });

  it('has the longest and shortest values that its options take', () => {
    expect(readResultsQuery(query('after=123456789012345&limit=100000&follow=true'))).toEqual({
      after: '123456789012345',
      limit: 100_000,
      follow: true,
    });
    expect(readResultsQuery(query('after=0&limit=1'))).toEqual({ after: '0', limit: 1, follow: false });
    for (const text of ['.05', '0.05', '.5', '12.25', '3600'])
      expect(readFrameQuery(query(`max_age=${text}`))).toMatchObject({ maxAgeMs: Number(text) * 1000 });
    expect(eventsStart(query('after=1234567890123456'))).toBe('1234567890123456');
  });
});
