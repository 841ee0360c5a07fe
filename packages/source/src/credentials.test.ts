import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { readConfig } from '@facequeue/schema/config';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCredentials } from './credentials.ts';
import { sourceVariables } from './variables.ts';

const SECRET = 'hunter2';
const parse = (file: unknown) => () => parseCredentials(typeof file === 'string' ? file : JSON.stringify(file));
const one = (entry: unknown, origin = 'http://a.lan') => ({ [origin]: entry });

describe('a file of credentials', () => {
  it('has an entry for each origin, for basic authentication or a token', () => {
    expect([
      ...parse({
        'http://Camera-1.lan:80/': { user: 'viewer', password: SECRET },
        'https://[fd12::7]:8443': { token: 'a.b-c_d' },
        'http://b.lan': { user: 'u', password: '' },
      })(),
    ]).toEqual([
      ['http://camera-1.lan', `Basic ${btoa(`viewer:${SECRET}`)}`],
      ['https://[fd12::7]:8443', 'Bearer a.b-c_d'],
      ['http://b.lan', `Basic ${btoa('u:')}`],
    ]);
    expect(parse({})()).toEqual(new Map());
  });

  it.each<[what: string, file: unknown, message: RegExp]>([
    ['no JSON', `{"http://a.lan": ${SECRET}`, /^it is not JSON$/],
    ['a list', [SECRET], /^it is not a JSON object$/],
    ['a host without its scheme', one({ token: SECRET }, 'camera.lan'), /no origin: http/],
    ['a path', one({ token: SECRET }, `http://a.lan/${SECRET}`), /no origin/],
    ['a user in the URL', one({ token: 'x' }, `http://u:${SECRET}@a.lan`), /no origin/],
    ['a user alone in the URL', one({ token: 'x' }, `http://${SECRET}@a.lan`), /no origin/],
    ['another scheme', one({ token: SECRET }, 'ftp://a.lan'), /no origin/],
    ['no password', one({ user: SECRET }), /^http:\/\/a.lan needs "user" and "password", or "token"/],
    ['both', one({ user: 'u', password: SECRET, token: SECRET }), /needs "user"/],
    ['another member', one({ token: SECRET, note: SECRET }), /needs "user"/],
    ['a colon in the user name', one({ user: `a:${SECRET}`, password: 'x' }), /needs "user"/],
    ['a line break in a token', one({ token: `${SECRET}\r\nx: y` }), /needs "user"/],
    ['a text as entry', one(SECRET), /needs "user"/],
    [
      'one origin twice',
      { 'http://a.lan': { token: SECRET }, 'http://a.lan:80': { token: SECRET } },
      /^http:\/\/a.lan is there twice$/,
    ],
  ])('with %s is refused without a word of it', (_, file, message) => {
    expect(parse(file)).toThrow(message);
    expect(parse(file)).not.toThrow(SECRET);
  });
});

describe('SOURCE_CREDENTIALS_FILE', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'facequeue-credentials-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const read = (file: string) => readConfig(sourceVariables, { SOURCE_CREDENTIALS_FILE: file }).SOURCE_CREDENTIALS_FILE;

  it('is read, and cannot be printed', () => {
    const file = join(folder, 'a.json');
    writeFileSync(file, JSON.stringify(one({ token: SECRET })));
    const url = new URL('http://a.lan/x');
    expect(read(file).authorization(url, url)).toBe(`Bearer ${SECRET}`);
    expect(inspect(read(file), { depth: 9, showHidden: true }) + JSON.stringify(read(file))).not.toContain(SECRET);
    expect(read('').authorization(url, url)).toBeUndefined();
  });

  it('tells whether every user can read it', () => {
    const file = join(folder, 'b.json');
    writeFileSync(file, '{}');
    const readable = [0o644, 0o604, 0o640, 0o600].map((mode) => {
      chmodSync(file, mode);
      return read(file).readableByAll;
    });
    expect(readable).toEqual([true, true, false, false]);
  });

  it('that is missing or wrong stops the start', () => {
    expect(() => read(join(folder, 'none.json'))).toThrow(/SOURCE_CREDENTIALS_FILE is .*cannot be read \(ENOENT\)/);
    const file = join(folder, 'c.json');
    writeFileSync(file, `{"http://a.lan": "${SECRET}`);
    expect(() => read(file)).toThrow(/SOURCE_CREDENTIALS_FILE is .*: it is not JSON$/);
    expect(() => read(file)).not.toThrow(SECRET);
  });
});
