import { describe, expect, it } from 'vitest';
import { lightOf } from './light.ts';

const SIZE = 12;
const MARGIN = 2;
/** A crop whose pixels are grey by a function of their place. */
const crop = (grey: (x: number, y: number) => number) =>
  Uint8Array.from({ length: SIZE * SIZE * 3 }, (_, i) => grey(Math.floor(i / 3) % SIZE, Math.floor(i / 3 / SIZE)));

describe('the light of a face', () => {
  it('is flat and as bright as its pixels where all are the same', () => {
    expect(
      lightOf(
        crop(() => 77),
        SIZE,
        MARGIN,
      ),
    ).toEqual({ sharpness: 0, brightness: expect.closeTo(77, 3) });
  });

  it('is not sharp on a slope, whose Laplacian is zero', () => {
    const { sharpness, brightness } = lightOf(
      crop((x) => 10 * x),
      SIZE,
      MARGIN,
    );
    expect(sharpness).toBeCloseTo(0, 3);
    expect(brightness).toBeCloseTo(55, 3);
  });

  it('is as sharp as computed by hand on a chessboard', () => {
    // Each pixel differs from its four neighbours by 20: the Laplacian is 80 and -80 in turn.
    const { sharpness } = lightOf(
      crop((x, y) => ((x + y) % 2) * 20),
      SIZE,
      MARGIN,
    );
    expect(sharpness).toBeCloseTo(6400, 0);
  });

  it('does not look at the margin', () => {
    const inside = (x: number, y: number) => x >= MARGIN && x < SIZE - MARGIN && y >= MARGIN && y < SIZE - MARGIN;
    expect(
      lightOf(
        crop((x, y) => (inside(x, y) ? 50 : ((x + y) % 2) * 255)),
        SIZE,
        MARGIN,
      ),
    ).toEqual({
      sharpness: 0,
      brightness: expect.closeTo(50, 3),
    });
  });

  it('weighs the colours as BT.601 does', () => {
    const colour = (rgb: number[]) =>
      lightOf(
        Uint8Array.from({ length: SIZE * SIZE * 3 }, (_, i) => rgb[i % 3]!),
        SIZE,
        0,
      );
    expect(colour([200, 0, 0]).brightness).toBeCloseTo(59.8, 2);
    expect(colour([0, 200, 0]).brightness).toBeCloseTo(117.4, 2);
    expect(colour([0, 0, 200]).brightness).toBeCloseTo(22.8, 2);
  });
});
