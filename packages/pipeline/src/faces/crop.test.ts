import { assert, double, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attributeCrop, type Crop, landmarkCrop, rollOf, toImage } from './crop.ts';

const LANDMARKS = { from: 'box', size: 192, scale: 1.5, shift_down: 0.08 } as const;
const ATTRIBUTES = {
  from: 'eyes_mouth',
  size: 112,
  scale: 2.45,
  mouth_ratio: 0.92,
  shift_down: 0.01,
  mirror: true,
} as const;

/** Eyes level, 40 px apart, mouth 40 px below. */
const UPRIGHT = [80, 100, 120, 100, 100, 120, 85, 140, 115, 140];

function turned(points: readonly number[], angle: number, scale = 1, dx = 0, dy = 0): number[] {
  const [cos, sin] = [Math.cos(angle) * scale, Math.sin(angle) * scale];
  return points.map((_, i) => {
    const [x, y] = [points[i - (i % 2)]!, points[i - (i % 2) + 1]!];
    return i % 2 ? x * sin + y * cos + dy : x * cos - y * sin + dx;
  });
}

const angles = double({ min: -3.1, max: 3.1, noNaN: true });
const scales = double({ min: 0.2, max: 20, noNaN: true });
const shifts = double({ min: -500, max: 500, noNaN: true });

describe('crop', () => {
  it('follows the head’s tilt', () => {
    assert(
      property(angles, (angle) => {
        expect(rollOf(turned(UPRIGHT, angle))).toBeCloseTo(angle, 6);
      }),
    );
  });

  it('finds the tilt of a profile, whose eyes coincide', () => {
    const profile = [100, 100, 100, 100, 80, 120, 100, 140, 100, 140];
    assert(
      property(angles, (angle) => {
        expect(rollOf(turned(profile, angle))).toBeCloseTo(angle, 6);
      }),
    );
  });

  it('for gender and age rotates, grows and moves with the face', () => {
    const upright = attributeCrop(UPRIGHT, ATTRIBUTES);
    assert(
      property(angles, scales, shifts, shifts, (angle, scale, dx, dy) => {
        const crop = attributeCrop(turned(UPRIGHT, angle, scale, dx, dy), ATTRIBUTES);
        const centre = turned([upright.centreX, upright.centreY], angle, scale, dx, dy);
        expect(crop.side).toBeCloseTo(upright.side * scale, 5);
        expect(crop.centreX).toBeCloseTo(centre[0]!, 5);
        expect(crop.centreY).toBeCloseTo(centre[1]!, 5);
      }),
    );
  });

  it('for gender and age is sized by the larger distance', () => {
    expect(attributeCrop(UPRIGHT, ATTRIBUTES).side).toBeCloseTo(2.45 * 40);
    const long = [80, 100, 120, 100, 100, 120, 85, 200, 115, 200];
    expect(attributeCrop(long, ATTRIBUTES).side).toBeCloseTo(2.45 * 0.92 * 100);
  });

  it('for landmarks encloses the box, shifted towards the chin in any rotation', () => {
    const box = { x: 50, y: 60, width: 100, height: 144 };
    expect(landmarkCrop(box, UPRIGHT, LANDMARKS)).toEqual({
      centreX: 100,
      centreY: 132 + 0.08 * 120,
      side: 180,
      roll: 0,
    });
    const left = landmarkCrop(box, turned(UPRIGHT, Math.PI / 2), LANDMARKS);
    expect(left.centreX).toBeCloseTo(100 - 0.08 * 120);
    expect(left.centreY).toBeCloseTo(132);
  });

  it('converts points back to where they were in the image', () => {
    const crops = record<Crop>({ centreX: shifts, centreY: shifts, side: scales, roll: angles });
    assert(
      property(crops, shifts, shifts, (crop, x, y) => {
        const [a, b] = [x - crop.centreX, y - crop.centreY];
        const [cos, sin] = [Math.cos(crop.roll), Math.sin(crop.roll)];
        const inCrop = [a * cos + b * sin, b * cos - a * sin].map((value) => (value / crop.side + 0.5) * 192);
        const back = toImage(Float32Array.from(inCrop), crop, 192);
        expect(Math.hypot(back[0]! - x, back[1]! - y)).toBeLessThan(0.01);
      }),
    );
  });
});
