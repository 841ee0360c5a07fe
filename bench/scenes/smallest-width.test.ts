import { describe, expect, it } from 'vitest';
import { isEnough, smallestWidth, WIDTHS } from './smallest-width.ts';

/** Faces from `least` px on are always found, narrower ones half of the time. */
const figures = (width: number, least: number) => ({
  scenes: 60,
  faces: 60,
  found: width >= least ? 60 : 30,
  wrong: 0,
  cpuMs: 1,
});

describe('smallestWidth', () => {
  it.each(WIDTHS)(
    'is %i where faces are found from that width on, with what is found of the next smaller',
    async (least) => {
      const result = await smallestWidth(async (width) => figures(width, least));
      expect(result!.found!.width).toBe(least);
      expect(result!.missed?.width).toBe(WIDTHS[WIDTHS.indexOf(least) - 1]);
    },
  );

  it('is none where no width is found', async () => {
    const result = await smallestWidth(async (width) => figures(width, 1000));
    expect(result).toMatchObject({ found: null, missed: { width: 64 } });
  });

  it('is null where pictures are refused', async () => {
    expect(await smallestWidth(async () => null)).toBeNull();
  });

  it('takes 57 of 60 and 19 of 20 for nearly all', () => {
    expect([57, 56].map((found) => isEnough({ found, faces: 60 }))).toEqual([true, false]);
    expect([19, 18].map((found) => isEnough({ found, faces: 20 }))).toEqual([true, false]);
  });
});
