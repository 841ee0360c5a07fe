import { expect, it } from 'vitest';
import { readNoQuery } from './query.ts';

it('a route without options refuses every option by name', () => {
  expect(() => readNoQuery(new URLSearchParams())).not.toThrow();
  expect(() => readNoQuery(new URLSearchParams('a=1'))).toThrow(
    expect.objectContaining({ code: 'invalid_request', message: 'unknown option "a"; there is none' }),
  );
});
