import { assert, double, integer, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ownsCentre, tileGrid } from './tiles.ts';

const RULES = { above_megapixels: 2, max_megapixels: 1.25, overlap: 128 };
const side = integer({ min: 1, max: 260 }).map((units) => units * 32);

describe('tiles', () => {
  it('are one where the picture is small enough', () => {
    const net = { width: 1920, height: 1024 };
    const { size, columns, rows } = tileGrid(net, RULES, 32);
    expect([size, columns.starts, rows.starts]).toEqual([net, [0], [0]]);
  });

  it('of a 4K picture are eight, a sixth more than its area', () => {
    const { size, columns, rows } = tileGrid({ width: 3840, height: 2176 }, RULES, 32);
    expect(size).toEqual({ width: 1056, height: 1152 });
    expect(columns.starts).toEqual([0, 928, 1856, 2784]);
    expect(rows.starts).toEqual([0, 1024]);
  });

  it('cover the picture, overlap enough, and are no larger than allowed', () => {
    assert(
      property(side, side, (width, height) => {
        const { size, columns, rows } = tileGrid({ width, height }, RULES, 32);
        if (width * height <= 2e6) return;
        expect(size.width * size.height).toBeLessThanOrEqual(1.25e6);
        expect([size.width % 32, size.height % 32]).toEqual([0, 0]);
        for (const [row, length, whole] of [
          [columns, size.width, width],
          [rows, size.height, height],
        ] as const) {
          expect(row.length).toBe(length);
          expect(row.starts[0]).toBe(0);
          expect(row.starts.at(-1)! + length).toBeGreaterThanOrEqual(whole);
          for (const [i, start] of row.starts.entries())
            if (i > 0) expect(row.starts[i - 1]! + length - start).toBeGreaterThanOrEqual(RULES.overlap - 1);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('have an owner for each face, with nearly half an overlap of picture around its centre', () => {
    assert(
      property(side, side, double({ min: 0, max: 1, noNaN: true }), (width, height, share) => {
        const { columns: row } = tileGrid({ width, height }, RULES, 32);
        const centre = share * width;
        const owners = row.starts.filter((_, i) => ownsCentre(row, i, centre));
        expect(owners.length).toBeGreaterThanOrEqual(1);
        for (const start of owners) {
          if (start > 0) expect(centre - start).toBeGreaterThanOrEqual(RULES.overlap / 2 - 17);
          if (start + row.length < width)
            expect(start + row.length - centre).toBeGreaterThanOrEqual(RULES.overlap / 2 - 17);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('own a face beside the middle of an overlap both, and one further off alone', () => {
    const row = { length: 1000, starts: [0, 800] };
    const owners = (centre: number) => row.starts.map((_, i) => ownsCentre(row, i, centre));
    expect(owners(883)).toEqual([true, false]);
    expect(owners(890)).toEqual([true, true]);
    expect(owners(910)).toEqual([true, true]);
    expect(owners(917)).toEqual([false, true]);
    expect([owners(-50), owners(1850)]).toEqual([
      [true, false],
      [false, true],
    ]);
  });
});
