import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { boundsOf, byteSize, ConfigError, duration, flag, integer, list, readConfig } from './variables.ts';

const shape = {
  MAX_BODY: byteSize('20mb', { min: '1kb', max: '500mb' }),
  WAIT: duration('19s', { min: '100ms', max: '1h' }),
  IDLE: duration('10s', { min: '100ms', max: '1h', zero: 'no limit' }),
  ENGINES: integer(2, { min: 1, max: 64 }),
  OPEN: flag(false),
  KEYS: list(),
};

describe('configuration from the environment', () => {
  it('uses defaults for unset and empty variables', () => {
    expect(readConfig(shape, { WAIT: '' })).toEqual({
      MAX_BODY: 20e6,
      WAIT: 19_000,
      IDLE: 10_000,
      ENGINES: 2,
      OPEN: false,
      KEYS: [],
    });
  });

  it('reads sizes, durations, numbers, flags and lists as people write them', () => {
    expect(readConfig(shape, { MAX_BODY: '1.5Mi', WAIT: '500ms', ENGINES: '8', OPEN: 'yes', KEYS: 'a, b,' })).toEqual({
      MAX_BODY: 1.5 * 1024 ** 2,
      WAIT: 500,
      IDLE: 10_000,
      ENGINES: 8,
      OPEN: true,
      KEYS: ['a', 'b'],
    });
  });

  it('names every invalid variable, its value and the expected form', () => {
    const read = () => readConfig(shape, { MAX_BODY: 'big', WAIT: '5 weeks', ENGINES: '0', OPEN: 'perhaps' });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(/MAX_BODY is "big"; expected a size such as 20mb, .*, from 1kb to 500mb/);
    expect(read).toThrow(/WAIT is "5 weeks"; expected a duration such as 500ms, .*, from 100ms to 1h/);
    expect(read).toThrow(/ENGINES is "0"; expected a whole number from 1 to 64/);
    expect(read).toThrow(/OPEN is "perhaps"; expected true or false/);
  });

  it.each([
    ['WAIT', '0', 'a duration from 100ms to 1h'],
    ['WAIT', '0s', 'a duration from 100ms to 1h'],
    ['WAIT', '99ms', 'a duration from 100ms to 1h'],
    ['WAIT', '0.0999', 'a duration from 100ms to 1h'],
    ['WAIT', '3600001ms', 'a duration from 100ms to 1h'],
    ['WAIT', '30d', 'a duration from 100ms to 1h'],
    ['WAIT', '9'.repeat(400), 'a duration from 100ms to 1h'],
    ['IDLE', '0.4ms', 'a duration from 100ms to 1h, or 0'],
    ['IDLE', '99ms', 'a duration from 100ms to 1h, or 0'],
    ['IDLE', 'none', 'a duration such as 500ms, 19s, 2m or 1h, from 100ms to 1h, or 0'],
    ['MAX_BODY', '0', 'a size from 1kb to 500mb'],
    ['MAX_BODY', '999', 'a size from 1kb to 500mb'],
    ['MAX_BODY', '500000001', 'a size from 1kb to 500mb'],
    ['MAX_BODY', '1tb', 'a size from 1kb to 500mb'],
    ['ENGINES', '65', 'a whole number from 1 to 64'],
  ])('refuses %s=%s and names the least and the most', (name, value, expected) => {
    expect(() => readConfig(shape, { [name]: value })).toThrow(
      new ConfigError(`${name} is ${JSON.stringify(value)}; expected ${expected}`),
    );
  });

  it('accepts the least, the most, and 0 where it has a meaning', () => {
    expect(readConfig(shape, { WAIT: '100ms', MAX_BODY: '1kb', IDLE: '0', ENGINES: '1' })).toMatchObject({
      WAIT: 100,
      MAX_BODY: 1000,
      IDLE: 0,
      ENGINES: 1,
    });
    expect(readConfig(shape, { WAIT: '60m', MAX_BODY: '0.5gb', IDLE: '1h', ENGINES: '64' })).toMatchObject({
      WAIT: 3_600_000,
      MAX_BODY: 5e8,
      IDLE: 3_600_000,
      ENGINES: 64,
    });
  });

  it('accepts exactly the durations from the least to the most', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 7_200_000 }), (ms) => {
        const read = () => readConfig(shape, { WAIT: `${ms}ms` }).WAIT;
        if (ms >= 100 && ms <= 3_600_000) expect(read()).toBe(ms);
        else expect(read).toThrow('from 100ms to 1h');
      }),
    );
  });

  it('says which bounds a setting has', () => {
    expect(boundsOf(shape.IDLE.meta({ description: 'a time' }))).toEqual({
      least: '100ms',
      most: '1h',
      zero: 'no limit',
    });
    expect(boundsOf(shape.ENGINES)).toEqual({ least: '1', most: '64' });
    expect(boundsOf(shape.KEYS)).toBeNull();
  });

  it.each([
    [
      'MAX_BODY',
      { '2000b': 2000, '2000': 2000, '2kb': 2000, '3MB': 3e6, '0.1 gb': 1e8, '2ki': 2048, '2Mi': 2 * 1024 ** 2 },
    ],
    ['MAX_BODY', { '0.25gi': 0.25 * 1024 ** 3, '1.25kb': 1250, ' 4kb ': 4000 }],
    ['WAIT', { '1': 1000, '1.5': 1500, '700ms': 700, '2s': 2000, ' 3 m ': 180_000, '1H': 3_600_000, '0.01d': 864_000 }],
    ['ENGINES', { '007': 7 }],
    ['OPEN', { true: true, '1': true, yes: true, false: false, '0': false, no: false }],
    ['KEYS', { a: ['a'], ' a ,, b ': ['a', 'b'], ',': [] }],
  ])('reads %s in every unit and form: %j', (name, values) => {
    for (const [text, value] of Object.entries(values))
      expect(readConfig(shape, { [name]: text }), text).toHaveProperty(name, value);
  });

  it.each([
    ['MAX_BODY', ['-2000', '2000.', '.5mb', '0.000001xb', 'mb', '1 2', '2000s', 'x2000', '2000b x']],
    ['WAIT', ['-1s', '0.00001w', 's', '1m30s', '1e3', 'x1s', '1s x', '1.s']],
    ['ENGINES', ['-1', '1.5', '1e1', 'two', ' ', 'x5', '5x', '5 5']],
  ])('refuses %s as any of %j', (name, texts) => {
    for (const text of texts)
      expect(() => readConfig(shape, { [name]: text }), text).toThrow(new RegExp(`^${name} is ".*"; expected a `));
  });

  it('names several invalid variables line by line, and one that is not set as such', () => {
    const named = { NAME: z.string('a name'), SIDE: z.enum(['left'], { error: 'left' }), ENGINES: shape.ENGINES };
    const failure = (() => {
      try {
        return readConfig(named, { SIDE: 'up', ENGINES: '0' });
      } catch (error) {
        return error;
      }
    })();
    expect(failure).toMatchObject({
      name: 'ConfigError',
      message:
        'NAME is not set; expected a name\nSIDE is "up"; expected left\nENGINES is "0"; expected a whole number from 1 to 64',
    });
  });

  describe('of a secret', () => {
    const secret = z.string().optional().meta({ secret: true, description: 'a secret' });
    const folder = mkdtempSync(join(tmpdir(), 'facequeue-config-'));
    const file = join(folder, 'secret');
    writeFileSync(file, 'from a file\n');
    afterAll(() => rmSync(folder, { recursive: true }));

    it('may be in a file, without the end of its line; the variable itself wins', () => {
      expect(readConfig({ KEY: secret }, { KEY_FILE: file })).toEqual({ KEY: 'from a file' });
      expect(readConfig({ KEY: secret }, { KEY: '', KEY_FILE: file })).toEqual({ KEY: 'from a file' });
      expect(readConfig({ KEY: secret }, { KEY: 'direct', KEY_FILE: file })).toEqual({ KEY: 'direct' });
      expect(readConfig({ KEY: secret }, { KEY_FILE: '' })).toEqual({});
    });

    it('that cannot be read is named', () => {
      expect(() => readConfig({ KEY: secret }, { KEY_FILE: join(folder, 'none') })).toThrow(
        /^KEY_FILE is ".*none", which cannot be read \(ENOENT\); expected a file$/,
      );
    });

    it('is named with all others that cannot be read, and with what else is wrong', () => {
      const shape = { KEY: secret, TOKEN: z.string('a token').meta({ secret: true }), SIDE: z.enum(['left'], 'left') };
      const env = { KEY_FILE: join(folder, 'none'), TOKEN_FILE: folder, SIDE: 'up' };
      expect(() => readConfig(shape, env)).toThrow(
        /^KEY_FILE is ".*none", .* \(ENOENT\).*\nTOKEN_FILE is ".*", .* \(EISDIR\).*\nSIDE is "up"; expected left$/,
      );
    });

    it('is of no concern to other settings, nor where NAME_FILE is a setting itself', () => {
      const plain = z.string().optional();
      expect(readConfig({ PORT: plain }, { PORT_FILE: '/nowhere' })).toEqual({});
      expect(readConfig({ KEY: secret, KEY_FILE: plain }, { KEY_FILE: file })).toEqual({ KEY_FILE: file });
    });
  });

  it('does not repeat the value of a secret', () => {
    const shape = { KEYS: integer(1, { min: 1, max: 2 }).meta({ secret: true, description: 'a secret' }) };
    expect(() => readConfig(shape, { KEYS: 'hunter2' })).toThrow(
      /^KEYS is wrong; expected a whole number from 1 to 2$/,
    );
  });
});
