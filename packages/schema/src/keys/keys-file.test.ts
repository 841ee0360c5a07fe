import { describe, expect, it } from 'vitest';
import { ConfigError } from '../config/variables.ts';
import { periodMs, readKeysFile } from './keys-file.ts';
import { DEFAULT_SCOPES, SCOPES } from './scopes.ts';

const HASH = 'ab'.repeat(32);
const OTHER = 'cd'.repeat(32);
const WRONG_WEIGHT = /^keys\[0\]\.weight: expected a number from 0\.1 to 100$/;
const file = (...keys: object[]) => JSON.stringify({ keys });

describe('a file of API keys', () => {
  it('is read with everything that a key may have, and with the least', () => {
    const full = {
      name: 'shop.1_a-B',
      sha256: HASH,
      previous: [{ sha256: OTHER.toUpperCase(), expires_at: '2026-12-01T00:00:00+01:00' }],
      scopes: [...SCOPES],
      weight: 0.1,
      rate: { requests: 50, per: '1s', burst: 100 },
      concurrent: 64,
      waiting: 5000,
      max_image_bytes: 1,
      sources: ['inline', 'url', 's3'],
      expires_at: '2027-01-31T00:00:00Z',
    };
    expect(readKeysFile(file(full, { name: 'x'.repeat(64), sha256: 'ef'.repeat(32) })).keys).toEqual([
      full,
      { name: 'x'.repeat(64), sha256: 'ef'.repeat(32) },
    ]);
    const heavy = { name: 'a', sha256: HASH, weight: 100 };
    expect(readKeysFile(file(heavy)).keys).toEqual([heavy]);
    expect(readKeysFile('{"keys":[]}')).toEqual({ keys: [] });
  });

  it.each<[string, string, RegExp]>([
    ['text', 'name:sha256', /^it is not JSON$/],
    ['a list', '[]', /^the file: expected /],
    ['no list of keys', '{"keys":{}}', /^keys: expected a list of keys$/],
    ['another member', '{"keys":[],"key":1}', /^the file has the unknown member key$/],
    [
      'another member of a key',
      file({ name: 'a', sha256: HASH, scope: [] }),
      /^keys\[0\] has the unknown member scope$/,
    ],
    ['no name', file({ sha256: HASH }), /^keys\[0\]\.name: expected a name$/],
    ['an empty name', file({ name: '', sha256: HASH }), /^keys\[0\]\.name: expected 1 to 64 letters/],
    ['a long name', file({ name: 'x'.repeat(65), sha256: HASH }), /^keys\[0\]\.name: expected 1 to 64 letters/],
    ['a name with a blank', file({ name: 'a b', sha256: HASH }), /^keys\[0\]\.name: expected 1 to 64 letters/],
    ['no hash', file({ name: 'a' }), /^keys\[0\]\.sha256: expected the SHA-256 of the key/],
    ['a short hash', file({ name: 'a', sha256: HASH.slice(1) }), /^keys\[0\]\.sha256: expected the SHA-256/],
    [
      'an unknown scope',
      file({ name: 'a', sha256: HASH, scopes: ['detects'] }),
      /^keys\[0\]\.scopes\[0\]: expected one of detect, jobs/,
    ],
    ['no scope', file({ name: 'a', sha256: HASH, scopes: [] }), /^keys\[0\]\.scopes: expected at least one scope/],
    [
      'a date',
      file({ name: 'a', sha256: HASH, expires_at: '2027-01-31' }),
      /^keys\[0\]\.expires_at: expected a time such as/,
    ],
    [
      'a time of no zone',
      file({ name: 'a', sha256: HASH, expires_at: '2027-01-31T00:00:00' }),
      /^keys\[0\]\.expires_at: expected/,
    ],
    [
      'an old key that stays',
      file({ name: 'a', sha256: HASH, previous: [{ sha256: OTHER }] }),
      /^keys\[0\]\.previous\[0\]\.expires_at: expected/,
    ],
    [
      'a rate without its period',
      file({ name: 'a', sha256: HASH, rate: { requests: 1 } }),
      /^keys\[0\]\.rate\.per: expected a period/,
    ],
    [
      'a period below a second',
      file({ name: 'a', sha256: HASH, rate: { requests: 1, per: '100ms' } }),
      /^keys\[0\]\.rate\.per: expected/,
    ],
    [
      'a period over a day',
      file({ name: 'a', sha256: HASH, rate: { requests: 1, per: '25h' } }),
      /^keys\[0\]\.rate\.per: expected/,
    ],
    [
      'a rate of none',
      file({ name: 'a', sha256: HASH, rate: { requests: 0, per: '1s' } }),
      /^keys\[0\]\.rate\.requests: expected a whole number from 1 to 1000000$/,
    ],
    [
      'a burst of a half',
      file({ name: 'a', sha256: HASH, rate: { requests: 1, per: '1s', burst: 0.5 } }),
      /^keys\[0\]\.rate\.burst: expected a whole/,
    ],
    [
      'too many calls',
      file({ name: 'a', sha256: HASH, concurrent: 1_000_001 }),
      /^keys\[0\]\.concurrent: expected a whole number/,
    ],
    [
      'a number as text',
      file({ name: 'a', sha256: HASH, concurrent: '64' }),
      /^keys\[0\]\.concurrent: expected a whole number/,
    ],
    ['no waiting job', file({ name: 'a', sha256: HASH, waiting: 0 }), /^keys\[0\]\.waiting: expected a whole number/],
    ['a weight of nothing', file({ name: 'a', sha256: HASH, weight: 0 }), WRONG_WEIGHT],
    ['a weight below the least', file({ name: 'a', sha256: HASH, weight: 0.09 }), WRONG_WEIGHT],
    ['a weight over the most', file({ name: 'a', sha256: HASH, weight: 100.1 }), WRONG_WEIGHT],
    ['a weight as text', file({ name: 'a', sha256: HASH, weight: '4' }), WRONG_WEIGHT],
    [
      'no bytes',
      file({ name: 'a', sha256: HASH, max_image_bytes: 0 }),
      /^keys\[0\]\.max_image_bytes: expected a number of bytes$/,
    ],
    ['no source', file({ name: 'a', sha256: HASH, sources: [] }), /^keys\[0\]\.sources: expected at least one/],
    [
      'an unknown source',
      file({ name: 'a', sha256: HASH, sources: ['ftp'] }),
      /^keys\[0\]\.sources\[0\]: expected one of inline/,
    ],
    ['a name twice', file({ name: 'a', sha256: HASH }, { name: 'a', sha256: OTHER }), /^there are two keys called a$/],
    [
      'a hash twice',
      file({ name: 'a', sha256: HASH }, { name: 'b', sha256: HASH.toUpperCase() }),
      /^a and b: the same sha256$/,
    ],
    [
      'a hash that is also an old one',
      file(
        { name: 'a', sha256: HASH },
        { name: 'b', sha256: OTHER, previous: [{ sha256: HASH, expires_at: '2027-01-31T00:00:00Z' }] },
      ),
      /^a and b: the same sha256$/,
    ],
  ])('with %s is refused, saying what is wrong', (_, text, message) => {
    expect(() => readKeysFile(text)).toThrow(ConfigError);
    expect(() => readKeysFile(text)).toThrow(message);
  });

  it('is refused without repeating a value, which may be the key itself', () => {
    const secret = 'fq_the-key-itself';
    for (const text of [
      secret,
      `{"keys":[{"name":"a","sha256":"${secret}"`,
      file({ name: 'a', sha256: secret }),
      file({ name: `${secret} `, sha256: HASH }),
      file({ name: 'a', sha256: HASH, scopes: [secret], expires_at: secret }),
    ]) {
      let message = '';
      try {
        readKeysFile(text);
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message).not.toBe('');
      expect(message).not.toContain('the-key');
    }
  });
});

it.each([
  ['1s', 1000],
  ['90s', 90_000],
  ['10m', 600_000],
  ['24h', 86_400_000],
  ['1d', 86_400_000],
])('a period of %s is %i ms', (per, ms) => {
  expect(readKeysFile(file({ name: 'a', sha256: HASH, rate: { requests: 1, per } })).keys).toHaveLength(1);
  expect(periodMs(per)).toBe(ms);
});

it('every scope but admin is what a key has that names none', () => {
  expect([...DEFAULT_SCOPES, 'admin']).toEqual(SCOPES);
});
