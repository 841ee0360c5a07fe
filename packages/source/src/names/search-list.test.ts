import { describe, expect, it } from 'vitest';
import { candidates, parseSearchList } from './search-list.ts';

describe('a resolv.conf', () => {
  it.each([
    ['', { domains: [], ndots: 1 }],
    ['nameserver 192.0.2.1\nsearch a.test b.test.\n', { domains: ['a.test', 'b.test'], ndots: 1 }],
    ['domain a.test\n', { domains: ['a.test'], ndots: 1 }],
    ['search a.test\ndomain b.test\n', { domains: ['b.test'], ndots: 1 }],
    ['options timeout:1 ndots:5\n', { domains: [], ndots: 5 }],
    ['options ndots:40\n', { domains: [], ndots: 15 }],
    ['options ndots:x\nsearch .\n', { domains: [], ndots: 1 }],
  ])('%j completes names accordingly', (text, expected) => {
    expect(parseSearchList(text)).toEqual(expected);
  });
});

describe('a name', () => {
  const list = { domains: ['x.test', 'y.test'], ndots: 2 };
  it.each([
    ['nas', ['nas.x.test', 'nas.y.test', 'nas']],
    ['a.b', ['a.b.x.test', 'a.b.y.test', 'a.b']],
    ['a.b.c', ['a.b.c', 'a.b.c.x.test', 'a.b.c.y.test']],
    ['nas.', ['nas']],
  ])('%s is looked up as %j', (name, expected) => {
    expect(candidates(name, list)).toEqual(expected);
  });
});
