import { array, assert, constantFrom, double, integer, property } from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { DetectedFace } from '../detection.ts';
import { loadPack } from '../pack/load.ts';
import type { RotationRules } from '../pack/manifest.ts';
import { Arena } from '../pixels/index.ts';
import { clearRotation, evidence, ROTATIONS, type Rotation, rotateBack, rotated } from './rotation.ts';

let rules: RotationRules;
beforeAll(async () => {
  rules = (await loadPack()).manifest.detection.rotation;
});

const scores = (upright: number[], ...turned: number[][]) =>
  ({ 0: upright, 90: turned[0] ?? [], 180: turned[1] ?? [], 270: turned[2] ?? [] }) satisfies Record<
    Rotation,
    number[]
  >;
const clear = (upright: number[], ...turned: number[][]) => clearRotation(scores(upright, ...turned), 0.65, rules);

describe('the direction of a picture', () => {
  it('is that of the only face', () => {
    expect(clear([], [0.95])).toBe(90);
    expect(clear([], [], [0.95])).toBe(180);
    expect(clear([], [], [], [0.95])).toBe(270);
  });

  it('stays where nothing else wins clearly', () => {
    expect(clear([])).toBe(0);
    expect(clear([], [0.84])).toBe(0);
    expect(clear([], [0.86])).toBe(90);
    expect(clear([0.9], [0.95])).toBe(0);
    expect(clear([], [0.9], [0.95])).toBe(0);
    expect(clear([0.75], [0.95])).toBe(90);
  });

  it('is that of several faces, none of which would do alone', () => {
    expect(clear([], [0.75])).toBe(0);
    expect(clear([], [0.75, 0.75, 0.75])).toBe(90);
    expect(clear([0.75, 0.75, 0.75, 0.75], [0.95])).toBe(0);
  });

  it('is not decided by what is under the confidence of a face', () => {
    expect(evidence(Array(100).fill(0.649), 0.65)).toBe(0);
    expect(evidence([0.65 + 0.1], 0.65)).toBeCloseTo(Math.log(0.75 / 0.25) - Math.log(0.65 / 0.35));
    expect(evidence([1], 0.65)).toBeLessThan(10);
    expect(evidence([0, 1], 0)).toBeLessThan(20);
    // A pack whose own confidence is over the score that speaks for a direction alone.
    expect(clearRotation(scores([], [0.85]), 0.9, rules)).toBe(0);
    expect(clearRotation(scores([], [0.95]), 0.9, rules)).toBe(90);
  });

  it('is one only', () => {
    const some = array(double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 });
    assert(
      property(some, some, some, some, (a, b, c, d) => {
        const given = scores(a, b, c, d);
        const found = clearRotation(given, 0.65, rules);
        if (found === 0) return;
        const others = ([0, ...ROTATIONS] as const)
          .filter((one) => one !== found)
          .map((one) => evidence(given[one], 0.65));
        expect(evidence(given[found], 0.65)).toBeGreaterThanOrEqual(1.5 * Math.max(...others));
      }),
    );
  });
});

describe('a turned picture', () => {
  /** Every pixel tells where it was. */
  const image = (width: number, height: number) =>
    new Arena().adopt({
      width,
      height,
      data: Uint8Array.from({ length: width * height * 3 }, (_, i) => {
        const pixel = Math.floor(i / 3);
        return [pixel % width, Math.floor(pixel / width), 7][i % 3]!;
      }),
    });

  it('is turned clockwise, and its faces are turned back to where they were', () => {
    for (const rotation of [0, ...ROTATIONS] as const) {
      const turned = rotated(image(7, 5), rotation);
      expect([turned.width, turned.height]).toEqual(rotation % 180 === 0 ? [7, 5] : [5, 7]);
      for (let y = 0; y < turned.height; y++)
        for (let x = 0; x < turned.width; x++) {
          const face: DetectedFace = {
            box: { x, y, width: 1, height: 1 },
            confidence: 1,
            points5: Float32Array.of(x + 0.5, y + 0.5),
            landmarks: Float32Array.of(x + 0.5, y + 0.5),
          };
          rotateBack(face, rotation, turned);
          const at = (y * turned.width + x) * 3;
          const [fromX, fromY] = [turned.data[at]!, turned.data[at + 1]!];
          expect(face.box).toEqual({ x: fromX, y: fromY, width: 1, height: 1 });
          expect([...face.points5]).toEqual([fromX + 0.5, fromY + 0.5]);
          expect(face.landmarks).toEqual(face.points5);
        }
    }
    expect([...rotated(image(2, 1), 90).data]).toEqual([0, 0, 7, 1, 0, 7]);
  });

  it('keeps the sides of a box as they lie in the picture', () => {
    assert(
      property(
        constantFrom(...ROTATIONS),
        integer({ min: -50, max: 300 }),
        integer({ min: -50, max: 300 }),
        integer({ min: 1, max: 99 }),
        integer({ min: 1, max: 99 }),
        (rotation, x, y, width, height) => {
          const face = { box: { x, y, width, height }, confidence: 1, points5: Float32Array.of(x, y) };
          rotateBack(face, rotation, { width: 320, height: 240 });
          const sides = [face.box.width, face.box.height];
          expect(sides).toEqual(rotation === 180 ? [width, height] : [height, width]);
        },
      ),
    );
  });
});
