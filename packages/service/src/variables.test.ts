import { readConfig } from '@facequeue/schema/config';
import { describe, expect, it } from 'vitest';
import { commonVariables, LOG_LEVELS } from './variables.ts';

describe('the common settings', () => {
  it('have working defaults', () => {
    expect(readConfig(commonVariables, {})).toEqual({ SHUTDOWN_GRACE: 20_000, LOG_LEVEL: 'info' });
  });

  it.each(LOG_LEVELS)('accept %s as a log level', (level) => {
    expect(readConfig(commonVariables, { LOG_LEVEL: level }).LOG_LEVEL).toBe(level);
  });

  it.each([
    ['LOG_LEVEL', 'loud', 'silent, fatal'],
    ['REDIS_URL', 'http://127.0.0.1', 'redis://127.0.0.1:6379'],
    ['REDIS_URL', 'localhost', 'redis://127.0.0.1:6379'],
  ])('refuse %s=%s and say what was expected', (name, value, expected) => {
    expect(() => readConfig(commonVariables, { [name]: value })).toThrow(expected);
  });

  it.each(['redis://:hunt#er2@cache.internal:6379', 'redis://user:12#hunter2@cache.internal:6379', 'redis://hunter2#'])(
    'explain the error of a # in REDIS_URL, and print no part of the value',
    (value) => {
      const read = () => readConfig(commonVariables, { REDIS_URL: value });
      expect(read).toThrow(/^REDIS_URL is wrong; expected an address without "#".*%23$/);
      expect(read).not.toThrow(/hunt|er2|cache/);
    },
  );

  it('explain the error of a bad percent-escape in REDIS_URL, and print no part of the value', () => {
    const read = () => readConfig(commonVariables, { REDIS_URL: 'redis://:hunt%zzer2@cache.internal:6379' });
    expect(read).toThrow(/^REDIS_URL is wrong; expected .*percent-encoded/);
    expect(read).not.toThrow(/hunt|er2|cache/);
  });

  it('accept a # that is percent-encoded', () => {
    const url = 'rediss://user:hunt%23er2@cache.internal:6380';
    expect(readConfig(commonVariables, { REDIS_URL: url }).REDIS_URL).toBe(url);
  });
});
