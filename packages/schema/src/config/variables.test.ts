import { describe, expect, it } from 'vitest';
import { byteSize, ConfigError, duration, flag, integer, list, readConfig } from './variables.ts';

const shape = {
  MAX_BODY: byteSize('20mb'),
  WAIT: duration('19s'),
  ENGINES: integer(2, { min: 1, max: 64 }),
  OPEN: flag(false),
  KEYS: list(),
};

describe('configuration from the environment', () => {
  it('uses defaults for unset and empty variables', () => {
    expect(readConfig(shape, { WAIT: '' })).toEqual({
      MAX_BODY: 20e6,
      WAIT: 19_000,
      ENGINES: 2,
      OPEN: false,
      KEYS: [],
    });
  });

  it('reads sizes, durations, numbers, flags and lists as people write them', () => {
    expect(readConfig(shape, { MAX_BODY: '1.5Mi', WAIT: '500ms', ENGINES: '8', OPEN: 'yes', KEYS: 'a, b,' })).toEqual({
      MAX_BODY: 1.5 * 1024 ** 2,
      WAIT: 500,
      ENGINES: 8,
      OPEN: true,
      KEYS: ['a', 'b'],
    });
  });

  it('names every invalid variable, its value and the expected form', () => {
    const read = () => readConfig(shape, { MAX_BODY: 'big', WAIT: '5 weeks', ENGINES: '0', OPEN: 'perhaps' });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(/MAX_BODY is "big"; expected a size such as 20mb/);
    expect(read).toThrow(/WAIT is "5 weeks"; expected a duration/);
    expect(read).toThrow(/ENGINES is "0"; expected a whole number from 1 to 64/);
    expect(read).toThrow(/OPEN is "perhaps"; expected true or false/);
  });

  it('does not repeat the value of a secret', () => {
    const shape = { KEYS: integer(1, { min: 1, max: 2 }).meta({ secret: true, description: 'a secret' }) };
    expect(() => readConfig(shape, { KEYS: 'hunter2' })).toThrow(
      /^KEYS is wrong; expected a whole number from 1 to 2$/,
    );
  });
});
