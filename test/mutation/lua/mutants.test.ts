import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { startRedis } from '../../support/redis/test-redis.ts';
import { applyChange, blockAt, luaBlocks, luaMutants, probed } from './mutants.ts';
import { tokenize } from './tokens.ts';

const CONSTANTS = new Set(['MAX_MS']);
const mutated = (text: string) => luaMutants(text, CONSTANTS).map((change) => applyChange(text, change));

describe('tokens', () => {
  it('are names, keywords, numbers, strings and operators', () => {
    expect(tokenize("local a = b.c ~= 'd' and 0x1F or .5e3 .. x").map(({ kind, text }) => `${kind} ${text}`)).toEqual([
      'keyword local',
      'name a',
      'operator =',
      'name b',
      'operator .',
      'name c',
      'operator ~=',
      "string 'd'",
      'keyword and',
      'number 0x1F',
      'keyword or',
      'number .5e3',
      'operator ..',
      'name x',
    ]);
  });

  it('end where strings and comments end', () => {
    const text = `a = 'it\\'s -- b' -- c = 1\n--[[ if\n d ]] e = "\\"" .. [==[ ]] ]==] --- @include ./f.lua`;
    expect(tokenize(text).map((token) => token.text)).toEqual([
      'a',
      '=',
      `'it\\'s -- b'`,
      'e',
      '=',
      '"\\""',
      '..',
      '[==[ ]] ]==]',
    ]);
  });

  it('say where they are', () => {
    expect(tokenize(' ab == 12')).toMatchObject([
      { start: 1, end: 3 },
      { start: 4, end: 6 },
      { start: 7, end: 9 },
    ]);
  });

  it('refuse what is not Lua', () => {
    expect(() => tokenize('a = $b')).toThrow('"$b"');
  });
});

describe('mutants', () => {
  it.each([
    ['if a then b = c end', ['if true then b = c end', 'if false then b = c end']],
    [
      'if a then return elseif b(c) then d = e end',
      [
        'if true then return elseif b(c) then d = e end',
        'if false then return elseif b(c) then d = e end',
        'if a then return elseif true then d = e end',
        'if a then return elseif false then d = e end',
      ],
    ],
    ['while a do break end', ['while false do break end']],
    ['while true do break end', []],
    [
      'if f(function() if x then return y end end) then b = c end',
      [
        'if true then b = c end',
        'if false then b = c end',
        'if f(function() if true then return y end end) then b = c end',
        'if f(function() if false then return y end end) then b = c end',
      ],
    ],
  ])('of the conditions in %s', (text, expected) => {
    expect(mutated(text).toSorted()).toEqual(expected.toSorted());
  });

  it.each([
    ['a = 3', ['a = 30']],
    ['a = 0', ['a = 1']],
    ['a = 0.25 .. 0x10', ['a = 2.5 .. 0x10', 'a = 0.25 .. 160']],
    ['a = x + MAX_MS', ['a = x + (MAX_MS * 10)']],
    ['a = b[3]', []],
    ['a = b[c + 3]', ['a = b[c + 30]']],
    ['a = MAX_OTHER', []],
    ["a = 'MAX_MS 3'", []],
  ])('of the constants in %s', (text, expected) => {
    expect(mutated(text)).toEqual(expected);
  });

  it.each([
    ['a = b < c', ['a = b >= c', 'a = b <= c']],
    ['a = b <= c', ['a = b > c', 'a = b < c']],
    ['a = b > c', ['a = b <= c', 'a = b >= c']],
    ['a = b >= c', ['a = b < c', 'a = b > c']],
    ['a = b == c', ['a = b ~= c']],
    ['a = b ~= c', ['a = b == c']],
    ['a = b and c', ['a = b or c']],
    ['a = b or c', ['a = b and c']],
    ['a = not b', ['a = b']],
    ['a = b - c', []],
  ])('of the operators in %s', (text, expected) => {
    expect(mutated(text)).toEqual(expected);
  });

  it.each([
    ["redis.call('DEL', a)", ['']],
    ['local a = b\nf(a)', ['local a = b\n']],
    ['f(a)\ng(b)', ['\ng(b)', 'f(a)\n']],
    ['local function f(a) g(a) end', ['local function f(a)  end']],
    ['for _, a in ipairs(b) do f(a) end', ['for _, a in ipairs(b) do  end']],
    ['f({ g(a) })', ['']],
    ['a.b:c(d)', ['']],
    ['return f(a)', []],
    ['local a = f(b)', []],
    ['f(a).b = c', []],
    ['a[f(b)] = c', []],
    ['a, b = f(c), d', []],
    ['local function f(a) return a end', []],
  ])('of the calls in %s', (text, expected) => {
    expect(mutated(text)).toEqual(expected);
  });

  it('leave comments and includes as they are', () => {
    expect(mutated('-- if a < 1 then f() end\n--- @include ../redis/keys.lua\n')).toEqual([]);
  });
});

describe('blocks', () => {
  const text = 'f() if a then b() else c() end for i in d do e() end local function g(h) return h end';

  it('are entered where a probe is put', () => {
    expect(
      probed(text, (block) => `p(${block})`)
        .replaceAll(/\s+/g, ' ')
        .trim(),
    ).toBe(
      'p(0) f() if a then p(1) b() else p(2) c() end for i in d do p(3) e() end local function g(h) p(4) return h end',
    );
  });

  it('contain what lies between their ends', () => {
    const blocks = luaBlocks(text);
    const around = (part: string) => blockAt(blocks, text.indexOf(part));
    expect(['f()', 'a then', 'b()', 'c()', 'd do', 'e()', 'local', 'return'].map(around)).toEqual([
      0, 0, 1, 2, 0, 3, 0, 4,
    ]);
  });
});

it('all mutants and probes of the scripts of packages/queue are Lua', async () => {
  const folder = fileURLToPath(new URL('../../../packages/queue/src/', import.meta.url));
  const texts = globSync('**/*.lua', { cwd: folder }).map((file) => readFileSync(folder + file, 'utf8'));
  const changed = texts.flatMap((text) => [
    probed(text, (block) => `redis.log(1, '${block}')`),
    ...luaMutants(text, CONSTANTS).map((change) => applyChange(text, change)),
  ]);
  await using server = await startRedis();
  using redis = Object.assign(new Redis(server.url), {
    [Symbol.dispose](this: Redis) {
      this.disconnect();
    },
  });
  const answers = await Promise.all(
    changed.map((text) => redis.script('LOAD', text).catch((error) => `${error}: ${text}`)),
  );
  expect(answers.filter((answer) => !/^[\da-f]{40}$/.test(answer as string))).toEqual([]);
  expect(changed.length).toBeGreaterThan(500);
});
