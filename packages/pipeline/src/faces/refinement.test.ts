import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEFAULT_PACK, loadPack } from '../pack/load.ts';
import { Reference } from '../verify/reference.ts';
import { yawRatioOf } from './crop.ts';
import { refinedPoints } from './refinement.ts';

const file = join(dirname(DEFAULT_PACK), 'reference', 'reference.json');
const { model_landmarks, model_refiner } = Reference.parse(JSON.parse(await readFile(file, 'utf8')));
const rules = (await loadPack()).manifest.refinement!;
const points = Float32Array.from(model_landmarks.points_in_crop.flat());
const refiner = Float32Array.from(model_refiner.points_in_crop.flat());

describe('the points of both landmark models', () => {
  it.each(model_refiner.mixed)('mix as NumPy mixed them, yaw ratio $yaw_ratio', ({ yaw_ratio, points_in_crop }) => {
    const found = refinedPoints(points, refiner, yaw_ratio, rules);
    const off = points_in_crop.flat().map((value, i) => Math.abs(value - found[i]!));
    // Either side is rounded to a thousandth of a px.
    expect(Math.max(...off)).toBeLessThan(0.002);
  });

  it('are told apart in the reference by more than its tolerance', () => {
    const [first, ...others] = model_refiner.mixed.map(({ points_in_crop }) => points_in_crop.flat());
    for (const other of others)
      expect(Math.max(...other.map((value, i) => Math.abs(value - first![i]!)))).toBeGreaterThan(0.5);
  });
});

describe('the yaw ratio of a head', () => {
  const head = [80, 100, 120, 100, 100, 120, 85, 140, 115, 140];
  const withNose = (x: number) => head.map((value, i) => (i === 4 ? x : value));

  it('is where the nose is along the eyes, in distances from eyes to mouth; negative to the left of the picture', () => {
    expect(yawRatioOf(head)).toBeCloseTo(0, 9);
    expect(yawRatioOf(withNose(90))).toBeCloseTo(-0.25, 9);
    expect(yawRatioOf(withNose(120))).toBeCloseTo(0.5, 9);
  });

  it('stays the same when the picture is turned or enlarged', () => {
    for (const degrees of [-170, -40, 25, 90]) {
      const [cos, sin] = [Math.cos((degrees * Math.PI) / 180) * 3, Math.sin((degrees * Math.PI) / 180) * 3];
      const turned = withNose(93).map((_, i, all) => {
        const [x, y] = [all[i - (i % 2)]!, all[i - (i % 2) + 1]!];
        return i % 2 === 0 ? x * cos - y * sin : x * sin + y * cos;
      });
      expect(yawRatioOf(turned), `${degrees} degrees`).toBeCloseTo(-7 / 40, 9);
    }
  });

  it('is finite where eyes and mouth are in one place', () => {
    expect(yawRatioOf([5, 5, 5, 5, 6, 5, 5, 5, 5, 5])).toBe(1);
  });
});
