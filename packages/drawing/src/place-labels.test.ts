import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LabelToPlace, placeLabels } from './place-labels.ts';
import { overlap } from './rectangle.ts';

const PICTURE = { width: 400, height: 300 };
const label = (x: number, y: number, side = 60): LabelToPlace => ({
  width: 50,
  height: 14,
  box: { x, y, width: side, height: side },
});
const place = (...labels: LabelToPlace[]) => placeLabels(labels, PICTURE);

describe('a label', () => {
  it('stands on its box, flush left', () => {
    expect(place(label(100, 100))).toEqual([{ x: 100, y: 86, width: 50, height: 14 }]);
  });

  it('hangs under a box at the top of the picture', () => {
    expect(place(label(100, 3))[0]).toMatchObject({ x: 100, y: 63 });
  });

  it('lies inside a box that fills the picture from top to bottom', () => {
    expect(place(label(20, -10, 330))[0]).toMatchObject({ x: 20, y: 0 });
  });

  it('avoids labels that are already placed, and other faces', () => {
    const [first, second] = place(label(100, 100), label(130, 100));
    expect(overlap(first!, second!)).toBe(0);
    expect(place(label(100, 100), label(100, 30))[0]).not.toMatchObject({ x: 100, y: 86 });
  });

  it('is wholly inside the picture, wherever its face is', () => {
    const numbers = fc.integer({ min: -500, max: 900 });
    fc.assert(
      fc.property(fc.array(fc.tuple(numbers, numbers, fc.integer({ min: 1, max: 600 })), { maxLength: 6 }), (faces) => {
        for (const { x, y, width, height } of place(...faces.map((face) => label(...face)))) {
          expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
          expect(x + width).toBeLessThanOrEqual(PICTURE.width);
          expect(y + height).toBeLessThanOrEqual(PICTURE.height);
        }
      }),
    );
  });
});
