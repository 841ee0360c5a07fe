import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { array, assert, integer, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Arena } from './arena.ts';
import { Arenas } from './arenas.ts';

const MB = 1e6;
const image = (width: number, height: number) => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => i % 251),
});

describe.each(['simd', 'plain'] as const)('an arena with %s kernels', (kernels) => {
  it('gives each image memory of its own, with room to read past its end', () => {
    assert(
      property(array(integer({ min: 1, max: 100_000 }), { maxLength: 20 }), (lengths) => {
        const arena = new Arena('plain');
        let end = 1;
        for (const length of lengths) {
          const address = arena.allocate(length);
          expect(address).toBeGreaterThanOrEqual(end);
          expect(address % 64).toBe(0);
          end = address + length + 16;
          expect(end).toBeLessThanOrEqual(arena.capacity);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('keeps an image while it grows for the next ones', () => {
    const arena = new Arena(kernels);
    const given = image(70, 50);
    const kept = arena.adopt(given);
    const before = arena.capacity;
    for (let i = 0; i < 10; i++) arena.pixels({ width: 1000, height: 1000 });
    expect(arena.capacity).toBeGreaterThan(before);
    expect(kept.data).toEqual(given.data);
    const half = arena.pixels({ width: 35, height: 25 });
    arena.kernels.halve(kept, half);
    expect(half.data.some((value) => value > 0)).toBe(true);
  });

  it('has room for image after image without growing, once it has had one', () => {
    const arena = new Arena(kernels);
    const run = () => {
      const pixels = arena.pixels({ width: 2000, height: 1500 });
      for (let pass = 0; pass < 4; pass++) {
        using _pass = arena.scope();
        arena.kernels.copy(pixels, arena.pixels(pixels));
      }
      arena.reset();
      return arena.capacity;
    };
    const first = run();
    expect(first).toBeLessThan(40 * MB);
    for (let i = 0; i < 5; i++) expect(run()).toBe(first);
  });

  it('copies an image of somebody else, but not its own', () => {
    const arena = new Arena(kernels);
    const given = image(9, 7);
    const own = arena.adopt(given);
    expect(own.data).toEqual(given.data);
    expect(own.data).not.toBe(given.data);
    expect(arena.adopt(own)).toBe(own);
    expect(new Arena(kernels).adopt(own)).not.toBe(own);
  });

  it('gives a part of an image without a copy', () => {
    const arena = new Arena(kernels);
    const whole = arena.adopt(image(9, 7));
    const part = arena.pixels({ width: 3, height: 2 });
    arena.kernels.copy(whole.part(4, 5, part), part);
    const row = (y: number) => [...whole.data.subarray((y * 9 + 4) * 3, (y * 9 + 7) * 3)];
    expect([...part.data]).toEqual([...row(5), ...row(6)]);
  });

  it('refuses an image that no limit admits', () => {
    const arena = new Arena(kernels);
    expect(() => arena.pixels({ width: 30_000, height: 20_000 })).toThrow('more than 1024 MiB');
  });
});

describe('arenas', () => {
  it('give each image in progress its own, and use it again', () => {
    const arenas = new Arenas();
    const first = arenas.take(2e6);
    const { arena } = first;
    {
      using second = arenas.take(2e6);
      expect(second.arena).not.toBe(arena);
    }
    const address = arena.allocate(100);
    first[Symbol.dispose]();
    using next = arenas.take(2e6);
    expect(next.arena).toBe(arena);
    expect(next.arena.allocate(100)).toBe(address);
  });

  it('do not keep one that a picture has made grow beyond 64 MiB', () => {
    const arenas = new Arenas();
    const arenaAfter = (width: number, height: number) => {
      using taken = arenas.take(2e6);
      taken.arena.pixels({ width, height });
      return taken.arena;
    };
    const kept = arenaAfter(4096, 4096);
    const grown = arenaAfter(5000, 5000);
    expect(grown).toBe(kept);
    using next = arenas.take(2e6);
    expect(next.arena).not.toBe(grown);
    expect(next.arena.capacity).toBeLessThan(20 * MB);
  });

  it('keep none while a large picture is decoded, nor its own afterwards', () => {
    const arenas = new Arenas();
    const small = arenas.take(2e6);
    small[Symbol.dispose]();
    const large = arenas.take(17e6);
    expect(large.arena).not.toBe(small.arena);
    large[Symbol.dispose]();
    using next = arenas.take(2e6);
    expect([small.arena, large.arena]).not.toContain(next.arena);
  });

  it('work without SIMD, and say so, where a limit leaves no addresses for a memory of WebAssembly', async () => {
    const module = new URL('arena.ts', import.meta.url).href;
    const script = `
      const { Arena } = await import('${module}');
      const made = Array.from({ length: 3 }, () => {
        const arena = new Arena();
        const half = arena.pixels({ width: 2, height: 1 });
        arena.kernels.halve(arena.adopt({ width: 4, height: 2, data: Uint8Array.from({ length: 24 }, (_, i) => i) }), half);
        return [arena, [...half.data]];
      });
      console.log(JSON.stringify(made.map(([, data]) => data)));`;
    const limit = 22 * 2 ** 30;
    const node = [process.execPath, '--input-type=module', '-e', script];
    const { stdout, stderr } = await promisify(execFile)('prlimit', [`--as=${limit}`, '--', ...node]);
    // 7.5, 8.5, 9.5, 13.5 and so on.
    const means = [8, 8, 10, 14, 14, 16];
    expect(JSON.parse(stdout)).toEqual([means, means, means]);
    expect(stderr).toContain('images take longer: WebAssembly.Memory(): could not allocate memory');
  });
});
