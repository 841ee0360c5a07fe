import { assert, constantFrom, integer, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Candidate } from './candidate.ts';
import type { Size } from './letterbox.ts';
import { certainScales, detectionPolicy, type Pass, passScales } from './policy.ts';

const RULES = { candidate_score: 0.1, nms_iou: 0.45, vote_iou: 0.55 };

/** A face far from the others: its place and size in the image. */
interface Truth {
  x: number;
  y: number;
  size: number;
  score: number;
}

/** Runs the policy with a detector that finds every truth at every scale. */
function run(image: Size, profile: 'fast' | 'balanced' | 'small-faces', truths: readonly Truth[]) {
  const passes: Pass[] = [];
  const policy = detectionPolicy(image, profile, RULES);
  let step = policy.next();
  while (!step.done) {
    const { index, scale } = step.value;
    passes.push(step.value);
    step = policy.next(
      truths.map(
        ({ x, y, size, score }): Candidate => ({
          x1: x,
          y1: y,
          x2: x + size,
          y2: y + size,
          score,
          points: new Float32Array(10),
          passSize: size * scale,
          pass: index,
        }),
      ),
    );
  }
  return { passes, indices: passes.map(({ index }) => index), faces: step.value };
}

const HD = { width: 1920, height: 1080 };
const crowd = (count: number, size: number, score = 0.9) =>
  Array.from({ length: count }, (_, i) => ({ x: (i % 20) * 90, y: Math.floor(i / 20) * 90, size, score }));

describe('detection policy', () => {
  it('runs one pass, at long side 640, in profile fast', () => {
    expect(run(HD, 'fast', crowd(9, 30)).passes).toEqual([{ index: 1, scale: 1 / 3 }]);
    expect(run({ width: 200, height: 100 }, 'fast', []).passes[0]!.scale).toBe(2);
  });

  it('stops after two passes of a large image in which nothing is small', () => {
    expect(run(HD, 'balanced', []).indices).toEqual([0, 1]);
    expect(run(HD, 'balanced', crowd(1, 300)).indices).toEqual([0, 1]);
  });

  it('runs a third pass when there may be something small, even at a low score', () => {
    expect(run(HD, 'balanced', crowd(1, 60, 0.11)).indices).toEqual([0, 1, 2]);
    expect(run(HD, 'balanced', crowd(1, 60, 0.09)).indices).toEqual([0, 1]);
    const unsure = run(HD, 'small-faces', crowd(1, 60, 0.04));
    expect(unsure.indices).toEqual([0, 1, 2]);
    expect(unsure.faces).toEqual([]);
  });

  it('always runs the native pass where profile fast has more pixels', () => {
    for (const [width, height, passes] of [
      [1279, 900, 3],
      [1280, 900, 2],
    ] as const)
      expect(run({ width, height }, 'balanced', []).passes).toHaveLength(passes);
    const { passes } = run({ width: 400, height: 300 }, 'balanced', []);
    expect(passes.map(({ index, scale }) => [index, Math.round(scale * 400)])).toEqual([
      [0, 320],
      [2, 640],
    ]);
  });

  it('enlarges for a crowd of small faces, in profile small-faces only', () => {
    expect(run(HD, 'small-faces', crowd(5, 20)).indices).toEqual([0, 1, 2, 3]);
    expect(run(HD, 'small-faces', crowd(4, 20)).indices).toEqual([0, 1, 2]);
    expect(run(HD, 'balanced', crowd(50, 20)).indices).toEqual([0, 1, 2]);
  });

  it('skips a pass that is hardly larger than the previous one', () => {
    // 1.7 MP at most doubles nothing: the native pass is as large already.
    expect(passScales({ width: 640, height: 480 })[1]).toBeNull();
    const [, , native, enlarged] = passScales({ width: 1024, height: 768 });
    expect(native).toBe(1);
    expect(enlarged).toBeCloseTo(Math.sqrt(2e6 / (1024 * 768)));
    expect(passScales({ width: 1400, height: 1350 })[3]).toBe(Math.sqrt(2e6 / (1400 * 1350)));
    expect(passScales({ width: 320, height: 320 })[3]).toBeNull();
  });

  it('takes neither parts of a large face from a fine pass nor specks from a coarse one', () => {
    const image = { width: 1024, height: 768 };
    const part: Candidate = {
      x1: 300,
      y1: 300,
      x2: 500,
      y2: 500,
      score: 0.99,
      points: new Float32Array(10),
      passSize: 200,
      pass: 2,
    };
    const speck = { ...part, x2: 320, y2: 320, passSize: 20 };
    const policy = detectionPolicy(image, 'balanced', RULES);
    policy.next();
    policy.next([speck]);
    policy.next([speck]);
    expect(policy.next([part]).value).toEqual([]);
  });

  it('finds a face of any size from 10 px to the whole frame, at any image size', () => {
    assert(
      property(
        integer({ min: 160, max: 4096 }),
        integer({ min: 160, max: 4096 }),
        integer({ min: 0, max: 100 }),
        constantFrom('balanced' as const, 'small-faces' as const, 'fast' as const),
        (width, height, percent, profile) => {
          const size = 10 + ((Math.min(width, height) - 10) * percent) / 100;
          const { faces } = run({ width, height }, profile, [{ x: 0, y: 0, size, score: 0.9 }]);
          expect(faces).toHaveLength(1);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('knows in advance the scales it always uses', () => {
    for (const profile of ['fast', 'balanced', 'small-faces'] as const)
      expect(run(HD, profile, []).passes.map(({ scale }) => scale)).toEqual(certainScales(HD, profile));
  });
});
