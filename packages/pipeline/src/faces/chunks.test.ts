import { describe, expect, it } from 'vitest';
import type { Session } from '../device/session.ts';
import { Arena } from '../pixels/index.ts';
import { findAttributes } from './attributes.ts';
import { findLandmarks } from './landmarks.ts';

/** Answers each row with the value of its first pixel; records the rows of each run. */
function model(batch: { fullBatch?: number } = {}) {
  const runs: number[] = [];
  const session: Session = {
    inputs: [],
    outputs: [],
    ...batch,
    async run({ faces }) {
      const { data, dims } = faces!;
      const rows = dims[0]!;
      runs.push(rows);
      const firsts = Float32Array.from({ length: rows }, (_, row) => Number(data[(row * data.length) / rows]));
      const points = Float32Array.from({ length: rows * 212 }, (_, i) => firsts[Math.floor(i / 212)]!);
      return {
        points: { data: points, dims: [rows, 212] },
        presence: { data: firsts, dims: [rows] },
        male: { data: firsts, dims: [rows] },
        age: { data: firsts.map((value) => value * 2), dims: [rows] },
      };
    },
    close: async () => {},
  };
  return { session, runs };
}

/** A picture of columns, and crops of one grey each. */
const image = new Arena().adopt({
  width: 400,
  height: 20,
  data: Uint8Array.from({ length: 24_000 }, (_, i) => ((i / 3) % 400) / 2),
});
const places = Array.from({ length: 17 }, (_, i) => ({ centreX: 20 + 20 * i, centreY: 10, side: 4, roll: 0 }));

describe('faces of one picture', () => {
  it('run through the landmarks and the refiner four at a time, each with its own answer', async () => {
    const { session, runs } = model();
    const refiner = model();
    const rule = { from: 'box', size: 4, scale: 1, shift_down: 0 } as const;
    const heads = places.map((crop) => ({ crop, yawRatio: 0 }));
    const found = await findLandmarks(session, null, image, heads, rule);
    expect(runs).toEqual([4, 4, 4, 4, 1]);
    found.forEach(({ presence }, i) => {
      expect(Math.abs(presence - (10 + 10 * i))).toBeLessThan(3);
    });
    expect(found).toHaveLength(17);

    // The refiner sees the same crops; the jaw is its alone, and moved with the yaw of each face.
    const rules = { share: 0, pupil_share: 0, far_jaw_yaw: [0, 1] as [number, number] };
    const turned = heads.map((head, i) => ({ ...head, yawRatio: i / 16 }));
    const session2: Session = {
      ...refiner.session,
      run: async (inputs) => {
        const output = await refiner.session.run(inputs);
        return { points: { ...output['points']!, data: (output['points']!.data as Float32Array).map((v) => v + 1) } };
      },
    };
    const refined = await findLandmarks(session, { session: session2, rules }, image, turned, rule);
    expect(refiner.runs).toEqual([4, 4, 4, 4, 1]);
    // A px of these crops is a px of the image.
    refined.forEach(({ points, presence }, i) => {
      expect(presence).toBe(found[i]!.presence);
      const moved = points.map((value, k) => value - found[i]!.points[k]!);
      expect(moved[0]).toBe(0);
      expect(moved[2 * 16]).toBeCloseTo(1, 4);
      expect(moved[2 * 17]).toBeCloseTo(1 - i / 16, 4);
    });
  });

  it('fill the batches that a device asks for', async () => {
    const { session, runs } = model({ fullBatch: 16 });
    const rule = { from: 'box', size: 4, scale: 1, shift_down: 0 } as const;
    const heads = places.map((crop) => ({ crop, yawRatio: 0 }));
    expect(await findLandmarks(session, null, image, heads, rule)).toHaveLength(17);
    expect(runs).toEqual([16, 1]);
  });

  it.each([
    [true, undefined, [4, 4, 4, 4, 4, 4, 4, 4, 2]],
    [false, undefined, [2, 2, 2, 2, 2, 2, 2, 2, 1]],
    [true, 16, [16, 16, 2]],
    [false, 16, [16, 1]],
  ])(
    'run through the attributes, each with its own answer; mirrored: %s, full batch: %s',
    async (mirror, fullBatch, rows) => {
      const { session, runs } = model(fullBatch ? { fullBatch } : {});
      const rule = { from: 'eyes_mouth', size: 4, scale: 1, mouth_ratio: 1, shift_down: 0, mirror } as const;
      const found = await findAttributes(session, image, places, rule);
      expect(runs).toEqual(rows);
      found.forEach(({ male, age }, i) => {
        expect(Math.abs(male - (10 + 10 * i))).toBeLessThan(3);
        expect(age).toBe(male * 2);
      });
      expect(found).toHaveLength(17);
    },
  );
});
