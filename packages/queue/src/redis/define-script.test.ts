import { createHash, randomBytes } from 'node:crypto';
import { globSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { CONSTANTS } from '../constants.ts';
import { bytes, defineScript, flag, group, json, list, number, optional, Scripts, text } from './define-script.ts';
import { loadLua } from './load-lua.ts';
import { luaConstants } from './lua-constants.ts';

let redis: TestRedis;
let raw: Redis;
const folder = mkdtempSync(join(tmpdir(), 'lua-'));
beforeAll(async () => {
  redis = await startRedis();
  raw = new Redis(redis.url);
});
afterAll(async () => {
  raw.disconnect();
  await redis.stop();
});

/** A Lua file with this text. */
function lua(name: string, body: string): URL {
  const path = join(folder, `${name}.lua`);
  writeFileSync(path, body);
  return pathToFileURL(path);
}

describe('a script', () => {
  it('gets its arguments by name and type', async () => {
    const file = lua(
      'arguments',
      `return { KEYS[1], args.text, args.count + 1, args.yes and 1 or 0, args.no and 1 or 0, args.absent == nil and 1 or 0,
        args.there, args.limits.low + args.limits.high, args.json, #args.bytes, #args.rows, args.rows[2].name, args.rows[2].size * 2 }`,
    );
    const script = defineScript({
      file,
      args: {
        text,
        count: number,
        yes: flag,
        no: flag,
        absent: optional(number),
        there: optional(text),
        limits: group({ low: number, high: number }),
        json: json<{ a: number }>(),
        bytes,
        rows: list({ name: optional(text), size: number }),
      },
      reply: (reply: unknown[]) => reply,
    });
    const reply = await new Scripts(raw, '{p}').run(script, {
      text: 'some text',
      count: 41,
      yes: true,
      no: false,
      there: 'here',
      limits: { low: 1, high: 2 },
      json: { a: 1 },
      bytes: new Uint8Array([0, 128, 255]),
      rows: [{ size: 1 }, { name: 'second', size: 21 }],
    });
    expect(reply).toEqual(['{p}', 'some text', 42, 1, 0, 1, 'here', 3, '{"a":1}', 3, 2, 'second', 42]);
  });

  it('takes an empty list, and bytes of a larger buffer', async () => {
    const args = { bytes, rows: list({ name: text }) };
    const file = lua('bytes', 'return { args.bytes, #args.rows }');
    const script = defineScript({ file, args, reply: (reply: unknown[]) => reply, buffers: true });
    const part = new Uint8Array([1, 200, 201, 2]).subarray(1, 3);
    expect(await new Scripts(raw, '{p}').run(script, { bytes: part, rows: [] })).toEqual([Buffer.from([200, 201]), 0]);
  });

  describe('with an image among its arguments', () => {
    const image = randomBytes(3e6);
    const args = { name: text, image: bytes, rest: list({ part: bytes }) };
    const file = lua('image', 'return { args.name, redis.sha1hex(args.image), #args.rest, args.rest[2].part }');
    const script = defineScript({ file, args, reply: (reply: unknown[]) => reply });
    const values = { name: 'ünï', image, rest: [{ part: Buffer.from('a') }, { part: new Uint8Array([0x7a]) }] };
    const reply = ['ünï', createHash('sha1').update(image).digest('hex'), 2, 'z'];

    it('gets all of it between calls of others, in their sequence, also when Redis has forgotten the script', async () => {
      const scripts = new Scripts(raw, '{p}');
      for (const forgotten of [false, true]) {
        if (forgotten) await raw.script('FLUSH');
        const [before, run, after] = await Promise.all([
          raw.incr('{p}:calls'),
          scripts.run(script, values),
          raw.incr('{p}:calls'),
        ]);
        expect(run).toEqual(reply);
        expect(after - before).toBe(1);
      }
    });

    it('returns bytes where it is to', async () => {
      const inBytes = defineScript({
        file: lua('echo', 'return args.image'),
        args,
        reply: (_: Buffer) => _,
        buffers: true,
      });
      expect(Buffer.compare(await new Scripts(raw, '{p}').run(inBytes, values), image)).toBe(0);
    });

    it('writes the array itself to the socket, no copy of it', async () => {
      await raw.ping();
      using write = vi.spyOn(raw.stream, 'write');
      await new Scripts(raw, '{p}').run(script, { ...values, image });
      expect(write.mock.calls.some(([chunk]) => (chunk as unknown) === image)).toBe(true);
    });
  });

  it('includes each file once, before the first file that needs it', () => {
    lua('base', 'BASE\n');
    lua('left', '--- @include ./base.lua\nLEFT\n');
    lua('right', '--- @include ./base.lua\n--- @include ./left.lua\nRIGHT\n');
    const text = loadLua(lua('both', '--- @include ./right.lua\n--- @include ./left.lua\nBOTH\n'));
    expect(text.split('\n').filter(Boolean)).toEqual(['BASE', 'LEFT', 'RIGHT', 'BOTH']);
  });

  it('is refused when files include each other in a circle', () => {
    lua('ping', '--- @include ./pong.lua\n');
    expect(() => loadLua(lua('pong', '--- @include ./ping.lua\n'))).toThrow('includes itself');
  });
});

describe('constants', () => {
  const files = globSync('**/*.lua', { cwd: fileURLToPath(new URL('..', import.meta.url)) });
  const source = (file: string) => new URL(`../${file}`, import.meta.url);

  it('are defined in a script that mentions them, as Lua writes them', () => {
    expect(luaConstants('return MAX_RETRY_MS')).toBe('local MAX_RETRY_MS = 30000\n');
    expect(luaConstants('return LANE_WIDTH[queue]')).toBe('local LANE_WIDTH = { ["bulk"] = 8, ["cameras"] = 1 }\n');
    expect(luaConstants('return QUEUES')).toBe('local QUEUES = { "interactive", "bulk", "cameras" }\n');
    expect(luaConstants('return NOT_STARTED_TEXT')).toBe(
      'local NOT_STARTED_TEXT = "the job was not started in time"\n',
    );
    expect(luaConstants('MIN_RETRY_MS, MAX_RETRY_MS')).toBe('local MIN_RETRY_MS = 1000\nlocal MAX_RETRY_MS = 30000\n');
    expect(luaConstants('return MAX_RETRY')).toBe('');
  });

  it.each(files)('of %s all exist', (file) => {
    const code = loadLua(source(file))
      .replace(/--[^\n]*/g, '')
      .replace(/'[^'\n]*'/g, "''");
    const defined = new Set([...code.matchAll(/local ([A-Z][A-Z_]+)\b/g)].map((match) => match[1]));
    const builtIn = ['KEYS', 'ARGV'];
    for (const [name] of code.matchAll(/(?<![\w.])[A-Z][A-Z_]+\b/g))
      expect([...defined, ...builtIn, ...Object.keys(CONSTANTS)]).toContain(name);
  });

  it('are all used by a script', () => {
    const all = files.map((file) => readFileSync(source(file), 'utf8')).join('\n');
    for (const name of Object.keys(CONSTANTS)) expect(all).toContain(name);
  });
});
