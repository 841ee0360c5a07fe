import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Box, intersection, iou, sizeOf } from './box.ts';

const box = (x: number, y: number, width: number, height: number): Box => ({ x, y, width, height });
const boxes = fc.record({
  x: fc.integer({ min: -50, max: 50 }),
  y: fc.integer({ min: -50, max: 50 }),
  width: fc.integer({ min: 1, max: 60 }),
  height: fc.integer({ min: 1, max: 60 }),
});

describe('boxes', () => {
  it('overlap by intersection over union', () => {
    // 10 x 10 and 10 x 10, shifted by 5: 50 shared of 100 + 100 - 50 = 150.
    expect(intersection(box(0, 0, 10, 10), box(5, 0, 10, 10))).toBe(50);
    expect(iou(box(0, 0, 10, 10), box(5, 0, 10, 10))).toBeCloseTo(50 / 150);
    // 4 x 3 inside 10 x 6: 12 of 60.
    expect(iou(box(0, 0, 10, 6), box(2, 2, 4, 3))).toBeCloseTo(12 / 60);
    expect(iou(box(0, 0, 10, 10), box(10, 0, 10, 10))).toBe(0);
    expect(iou(box(0, 0, 10, 10), box(20, 20, 10, 10))).toBe(0);
    expect(iou(box(0, 0, 0, 0), box(0, 0, 0, 0))).toBe(0);
  });

  it('have the square root of their area as size', () => expect(sizeOf(box(1, 2, 9, 16))).toBe(12));

  it('overlap symmetrically, from 0 to 1, and themselves wholly', () => {
    fc.assert(
      fc.property(boxes, boxes, (a, b) => {
        expect(iou(a, b)).toBe(iou(b, a));
        expect(iou(a, b)).toBeGreaterThanOrEqual(0);
        expect(iou(a, b)).toBeLessThanOrEqual(1);
        expect(iou(a, a)).toBe(1);
      }),
    );
  });
});
