import { readFile } from 'node:fs/promises';
import { assert, double, type IPropertyWithHooks, integer, property, record, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Size } from '../image/index.ts';
import { Arena, Pixels } from './arena.ts';
import type { Kernels, Orientation, Samples } from './kernels.ts';
import { plainKernels } from './plain.ts';
import { compileKernels } from './testing/compile-kernels.ts';

const arena = new Arena('simd');

const sizes = record({ width: integer({ min: 1, max: 90 }), height: integer({ min: 1, max: 70 }) });
/** Bytes between rows. */
const gaps = integer({ min: 0, max: 40 });
/** What pixels are made of. */
const noise = uint8Array({ minLength: 64, maxLength: 64 });

function filled(size: Size, gap: number, content: Uint8Array): Pixels {
  const pixels = arena.pixels(size, size.width * 3 + gap);
  const { data } = pixels;
  for (let i = 0; i < data.length; i++) data[i] = content[(i * 7 + (i >> 5)) % 64]!;
  return pixels;
}

/** Bytes before and after a destination. */
const AROUND = 48;
const untouched = (i: number) => (i * 151) % 256;

/**
 * Runs the quick kernels and the plain ones, and checks that neither writes outside the pixels of its destination.
 * @param run gets a destination of that size and stride
 * @returns the pixels that each wrote
 */
function both(
  size: Size,
  stride: number,
  run: (kernels: Kernels, to: Pixels) => void,
): [simd: number[], plain: number[]] {
  const length = stride * size.height + 2 * AROUND;
  const written = (kernels: Kernels) => {
    const address = arena.allocate(length);
    arena.bytes(address, length).forEach((_, i, all) => {
      all[i] = untouched(i);
    });
    run(kernels, new Pixels(arena, address + AROUND, size, stride));
    const pixels: number[] = [];
    const stray: number[] = [];
    arena.bytes(address, length).forEach((value, i) => {
      const at = i - AROUND;
      if (at >= 0 && at < stride * size.height && at % stride < size.width * 3) pixels.push(value);
      else if (value !== untouched(i)) stray.push(at);
    });
    expect(stray).toEqual([]);
    return pixels;
  };
  return [written(arena.kernels), written(plainKernels)];
}

function expectClose([quick, plain]: [number[], number[]]): void {
  quick.forEach((value, i) => {
    if (Math.abs(value - plain[i]!) > 1) expect.fail(`byte ${i} is ${value}, not ${plain[i]}`);
  });
}

const check = <T>(test: IPropertyWithHooks<T>) => {
  test.beforeEach(() => arena.reset());
  assert(test, { numRuns: 200 });
};

describe('the quick kernels and the plain ones', () => {
  it('copy the same pixels', () => {
    check(
      property(sizes, gaps, gaps, noise, (size, gap, toGap, content) => {
        const from = filled(size, gap, content);
        const [quick, plain] = both(size, size.width * 3 + toGap, (kernels, to) => kernels.copy(from, to));
        expect(quick).toEqual(plain);
      }),
    );
  });

  it('shrink to the same pixels, whatever the ratios', () => {
    const ratio = double({ min: 0.001, max: 1, noNaN: true });
    check(
      property(sizes, ratio, ratio, gaps, gaps, noise, ({ width, height }, x, y, gap, toGap, content) => {
        const from = filled({ width, height }, gap, content);
        const size = { width: Math.ceil(width * x), height: Math.ceil(height * y) };
        expectClose(both(size, size.width * 3 + toGap, (kernels, to) => kernels.shrink(from, to)));
      }),
    );
  });

  it('halve to the same pixels', () => {
    check(
      property(sizes, gaps, gaps, noise, (size, gap, toGap, content) => {
        const from = filled(size, gap, content);
        const half = { width: Math.ceil(size.width / 2), height: Math.ceil(size.height / 2) };
        const [quick, plain] = both(half, half.width * 3 + toGap, (kernels, to) => kernels.halve(from, to));
        expect(quick).toEqual(plain);
      }),
    );
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8] satisfies Orientation[])('turn orientation %d upright', (orientation) => {
    check(
      property(sizes, gaps, gaps, noise, (size, gap, toGap, content) => {
        const from = filled(size, gap, content);
        const upright = orientation >= 5 ? { width: size.height, height: size.width } : size;
        const stride = upright.width * 3 + toGap;
        const [quick, plain] = both(upright, stride, (kernels, to) => kernels.orient(from, to, orientation));
        expect(quick).toEqual(plain);
      }),
    );
  });

  it('cut out the same square, wherever it lies', () => {
    const place = double({ min: -30, max: 90, noNaN: true });
    const step = double({ min: -3, max: 3, noNaN: true });
    const samples = record<Samples>({
      left: place,
      top: place,
      cos: step,
      sin: step,
      size: integer({ min: 1, max: 24 }),
    });
    check(
      property(sizes, gaps, noise, samples, (size, gap, content, at) => {
        const from = filled(size, gap, content);
        const square = { width: at.size, height: at.size };
        expectClose(both(square, at.size * 3, (kernels, to) => kernels.warp(from, at, to.data)));
      }),
    );
  });

  it('do not lean to either side: on average they differ by less than a hundredth of a step', () => {
    const from = filled(
      { width: 1013, height: 700 },
      5,
      Uint8Array.from({ length: 64 }, (_, i) => (i * 37) % 256),
    );
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const [quick, plain] = both({ width: 411, height: 300 }, 1233, (kernels, to) => kernels.shrink(from, to));
    expect(Math.abs(mean(quick) - mean(plain))).toBeLessThan(0.01);
    const samples = { left: 90.3, top: 50.7, cos: Math.sqrt(2), sin: Math.sqrt(0.2), size: 300 };
    const [cut, plainly] = both({ width: 300, height: 300 }, 900, (kernels, to) =>
      kernels.warp(from, samples, to.data),
    );
    expect(Math.abs(mean(cut) - mean(plainly))).toBeLessThan(0.01);
  });

  it('shrink a row and a column of 4096 pixels to one', () => {
    const content = Uint8Array.from({ length: 64 }, (_, i) => i * 4);
    for (const size of [
      { width: 4096, height: 1 },
      { width: 1, height: 4096 },
    ])
      expectClose(both({ width: 1, height: 1 }, 3, (kernels, to) => kernels.shrink(filled(size, 0, content), to)));
  });

  it('refuse pixels that do not lie in their memory', () => {
    const elsewhere = { data: new Uint8Array(12), width: 2, height: 2, stride: 6 };
    const here = arena.pixels({ width: 2, height: 2 });
    expect(() => arena.kernels.copy(elsewhere, here)).toThrow(RangeError);
    expect(() => arena.kernels.copy(here, elsewhere)).toThrow(RangeError);
  });
});

describe('kernels.wasm', () => {
  it('is what the pinned compiler makes of kernels.ts (npm run kernels)', async () => {
    const committed = await readFile(new URL('../../kernels/kernels.wasm', import.meta.url));
    expect(Buffer.compare(await compileKernels(), committed)).toBe(0);
  });
});
