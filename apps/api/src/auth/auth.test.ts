import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { identify } from './caller.ts';
import { isLoopback, needsLocalCallers } from './exposure.ts';
import { ApiKeys, parseKeyEntry } from './keys.ts';

const hash = (key: string) => createHash('sha256').update(key).digest('hex');
const keys = [parseKeyEntry(`shop:${hash('one')}`)!, parseKeyEntry(`archive:${hash('two').toUpperCase()}`)!];
const who = (headers: Record<string, string>) => identify({ headers }, new ApiKeys(keys), 0).caller.owner;

describe('API keys', () => {
  it('are configured as a name and the SHA-256 of the key', () => {
    expect(keys.map(({ caller }) => caller.owner)).toEqual(['shop', 'archive']);
    for (const name of ['a', 'a_b.c-D9', 'x'.repeat(64)])
      expect(parseKeyEntry(`${name}:${hash('x')}`)?.caller.owner).toBe(name);
    for (const entry of [
      'shop',
      `${'x'.repeat(65)}:${hash('x')}`,
      `${hash('x')}0`,
      `shop:${hash('x')}0`,
      ` shop:${hash('x')}`,
      `shop:${hash('x').slice(1)}`,
      `a b:${hash('x')}`,
      `:${hash('x')}`,
      `shop:${'g'.repeat(64)}`,
    ])
      expect(parseKeyEntry(entry)).toBeNull();
  });

  it('name the caller, sent either way', () => {
    expect(who({ 'x-api-key': 'two' })).toBe('archive');
    expect(who({ authorization: 'Bearer one' })).toBe('shop');
    expect(who({ authorization: 'bearer  one' })).toBe('shop');
  });

  it('in x-api-key count, whatever Authorization says', () => {
    expect(who({ 'x-api-key': 'two', authorization: 'Bearer one' })).toBe('archive');
  });

  it.each<Record<string, string>>([
    {},
    { 'x-api-key': '' },
    { 'x-api-key': 'three', authorization: 'Bearer one' },
    { authorization: 'Bearer one two' },
    { authorization: 'xBearer one' },
    { authorization: 'Bearerone' },
    { 'x-api-key': 'three' },
    { authorization: 'Basic one' },
    { 'x-api-key': hash('one') },
  ])('refuse %o', (headers) => {
    expect(() => who(headers)).toThrow(expect.objectContaining({ code: 'unauthorized' }));
  });
});

describe('a gateway without API keys', () => {
  const config = { HOST: '127.0.0.1', API_KEYS: [], ALLOW_OPEN: false };

  it('does not start beyond loopback without ALLOW_OPEN', () => {
    for (const HOST of ['0.0.0.0', '::', '192.168.1.2', 'example.org', '']) {
      expect(() => needsLocalCallers({ ...config, HOST })).toThrow(/API_KEYS.*ALLOW_OPEN=true/);
      expect(needsLocalCallers({ ...config, HOST, ALLOW_OPEN: true })).toBe(false);
      expect(needsLocalCallers({ ...config, HOST, API_KEYS: keys })).toBe(false);
    }
  });

  it('on loopback serves local callers only', () => {
    for (const HOST of ['127.0.0.1', '127.1.2.3', 'localhost', '::1'])
      expect(needsLocalCallers({ ...config, HOST })).toBe(true);
  });

  it('recognizes loopback addresses however they are written', () => {
    expect(['127.0.0.1', '127.255.255.254', '::1', '[::1]', 'localhost', 'a.localhost'].every(isLoopback)).toBe(true);
    expect(['127.0.0.1.nip.io', '128.0.0.1', 'notlocalhost', '::', '[::2]', '0.0.0.0'].some(isLoopback)).toBe(false);
  });
});
