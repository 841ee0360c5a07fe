import { describe, expect, it } from 'vitest';
import { readJobQuery } from './request.ts';

const read = (query: string) => readJobQuery(new URLSearchParams(query));

describe('the query of GET /jobs/{id}', () => {
  it.each([
    ['', {}],
    ['wait=0', { wait: 0 }],
    ['wait=07', { wait: 7 }],
    ['wait=60', { wait: 60 }],
  ])('%s is read', (query, options) => {
    expect(read(query)).toEqual(options);
  });

  it.each(['', '-1', '+1', '1.5', '1e1', '0x1', ' 1', '1 ', '1s', 'a', '100', '060'])(
    'wait=%s is refused, for a whole number is expected',
    (value) => {
      expect(() => read(new URLSearchParams({ wait: value }).toString())).toThrow(
        expect.objectContaining({
          code: 'invalid_request',
          message: 'option wait: expected a whole number',
        }),
      );
    },
  );

  it('refuses a wait over 60 s, and names the option and its most', () => {
    expect(() => read('wait=61')).toThrow(/^option wait: .*60$/);
  });

  it('refuses what it does not know, and an option given twice', () => {
    expect(() => read('waits=1')).toThrow('unknown option "waits"');
    expect(() => read('wait=1&wait=2')).toThrow(/wait/);
  });
});
