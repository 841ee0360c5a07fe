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

  it('never stops before the enlarged pass in profile small-faces, the only one that has it', () => {
    for (const truths of [[], crowd(1, 300), crowd(50, 20)]) {
      expect(run(HD, 'small-faces', truths).indices).toEqual([0, 1, 2, 3]);
      expect(run(HD, 'balanced', truths).indices).not.toContain(3);
    }
    expect(run({ width: 3840, height: 2160 }, 'small-faces', []).indices).toEqual([0, 1, 2, 3]);
  });

  it('leaves out candidates below the score of the pack, in every profile', () => {
    for (const profile of ['fast', 'balanced', 'small-faces'] as const) {
      expect(run(HD, profile, crowd(1, 60, 0.1)).faces).toHaveLength(1);
      expect(run(HD, profile, crowd(1, 60, 0.099)).faces).toEqual([]);
    }
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

  it('takes from each pass the sizes that it measures best, to a pixel', () => {
    /** How many faces are reported when one pass alone found a face of this size, in its own px. */
    const kept = (profile: 'balanced' | 'small-faces', pass: number, passSize: number) => {
      const one = { x1: 900, y1: 700, x2: 910, y2: 710, score: 0.9, points: new Float32Array(10), passSize, pass };
      const policy = detectionPolicy({ width: 1024, height: 768 }, profile, RULES);
      let step = policy.next();
      while (!step.done) {
        const { index } = step.value;
        step = policy.next(index === pass ? [one] : []);
      }
      return step.value.length;
    };
    for (const [profile, pass, from, to] of [
      ['balanced', 0, 32, Number.POSITIVE_INFINITY],
      ['balanced', 1, 24, Number.POSITIVE_INFINITY],
      ['balanced', 2, 0, 192],
      ['small-faces', 0, 32, Number.POSITIVE_INFINITY],
      ['small-faces', 1, 24, Number.POSITIVE_INFINITY],
      ['small-faces', 2, 16, 256],
      ['small-faces', 3, 0, 192],
    ] as const) {
      const name = `${profile} ${pass}`;
      expect(kept(profile, pass, from), name).toBe(1);
      if (from > 0) expect(kept(profile, pass, from - 0.01), name).toBe(0);
      expect(kept(profile, pass, to === Number.POSITIVE_INFINITY ? 1e6 : to - 0.01), name).toBe(1);
      if (to !== Number.POSITIVE_INFINITY) expect(kept(profile, pass, to), name).toBe(0);
    }
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
