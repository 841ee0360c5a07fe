import { describe, expect, it } from 'vitest';
import { MAX_SECONDS, numberOption } from './options.ts';

describe('a number among the options of a bench', () => {
  it.each(['1', '2.5', '86400'])('may be %s', (text) => {
    expect(numberOption('seconds', text, 1, MAX_SECONDS)).toBe(Number(text));
  });

  it.each(['0', '86401', '1e12', 'NaN', 'Infinity', '', ' ', 'ten'])(
    'of %j is refused with its least and its most',
    (text) => {
      expect(() => numberOption('seconds', text, 1, MAX_SECONDS)).toThrow(
        `--seconds is ${text}; expected a number from 1 to 86400`,
      );
    },
  );
});
