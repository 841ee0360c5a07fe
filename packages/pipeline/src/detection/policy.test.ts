import { assert, constantFrom, integer, property } from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Size } from '../image/index.ts';
import { loadPack } from '../pack/load.ts';
import type { DetectionRules } from '../pack/manifest.ts';
import type { Candidate } from './candidate.ts';
import { type Pass, plannedPasses } from './passes.ts';
import { detectionPolicy, lowestScore } from './policy.ts';

let rules: DetectionRules;
beforeAll(async () => {
  rules = (await loadPack()).manifest.detection;
});

type ProfileName = 'fast' | 'balanced' | 'small-faces';
const planned = (image: Size, profile: ProfileName) =>
  plannedPasses(image, rules.passes[profile], rules.smallest_face, 0);

/** A face far from the others: its place and size in the image. */
interface Truth {
  x: number;
  y: number;
  size: number;
  score: number;
}

/** Runs the policy with a detector that finds every truth at every scale. */
function run(image: Size, profile: ProfileName, truths: readonly Truth[]) {
  const passes: Pass[] = [];
  const policy = detectionPolicy(image, planned(image, profile), rules);
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
  const { candidates, scales } = step.value;
  expect(scales).toEqual(passes.map(({ scale }) => scale));
  return { indices: passes.map(({ index }) => index), faces: candidates };
}

const HD = { width: 1920, height: 1080 };
const crowd = (count: number, size: number, score = 0.9) =>
  Array.from({ length: count }, (_, i) => ({ x: (i % 20) * 90, y: Math.floor(i / 20) * 90, size, score }));

describe('detection policy', () => {
  it('stops after two passes of a large picture in which a face stands out and nothing is small', () => {
    expect(run(HD, 'balanced', crowd(1, 300)).indices).toEqual([0, 1]);
    expect(run(HD, 'balanced', crowd(1, 300, 0.5)).indices).toEqual([0, 1]);
  });

  it('runs the third pass where nothing stands out', () => {
    expect(run(HD, 'balanced', []).indices).toEqual([0, 1, 2]);
    expect(run(HD, 'balanced', crowd(1, 300, 0.49)).indices).toEqual([0, 1, 2]);
  });

  it('runs the third pass where there may be something small, even at a low score', () => {
    const face = { ...crowd(1, 300)[0]!, x: 1000 };
    expect(run(HD, 'balanced', [face, ...crowd(1, 60, 0.06)]).indices).toEqual([0, 1, 2]);
    expect(run(HD, 'balanced', [face, ...crowd(1, 60, 0.04)]).indices).toEqual([0, 1]);
    expect(run(HD, 'balanced', [face, ...crowd(1, 73, 0.06)]).indices).toEqual([0, 1]);
  });

  it('asks the detector for specks under the score of the pack where they decide', () => {
    expect(lowestScore(planned(HD, 'balanced'), rules)).toBe(0.05);
    expect(lowestScore(planned(HD, 'small-faces'), rules)).toBe(0.1);
  });

  it('always runs the third pass where profile fast has more pixels', () => {
    for (const [width, height, passes] of [
      [1279, 900, 3],
      [1280, 900, 2],
    ] as const)
      expect(run({ width, height }, 'balanced', crowd(1, 300)).indices).toHaveLength(passes);
  });

  it('never stops early in profile small-faces', () => {
    for (const truths of [[], crowd(1, 300), crowd(50, 20)])
      expect(run(HD, 'small-faces', truths).indices).toEqual([0, 1, 2, 3]);
  });

  it('leaves out candidates below the score of the pack, in every profile', () => {
    for (const profile of ['fast', 'balanced', 'small-faces'] as const) {
      expect(run(HD, profile, crowd(1, 60, 0.1)).faces).toHaveLength(1);
      expect(run(HD, profile, crowd(1, 60, 0.099)).faces).toEqual([]);
    }
  });

  it('takes from each pass the sizes that it measures best, to a pixel', () => {
    /** How many faces are reported when one pass alone found a face of this size, in its own px. */
    const kept = (profile: 'balanced' | 'small-faces', pass: number, passSize: number) => {
      const one = { x1: 900, y1: 700, x2: 910, y2: 710, score: 0.9, points: new Float32Array(10), passSize, pass };
      const image = { width: 1024, height: 768 };
      const policy = detectionPolicy(image, planned(image, profile), rules);
      let step = policy.next();
      while (!step.done) {
        const { index } = step.value;
        step = policy.next(index === pass ? [one] : []);
      }
      return step.value.candidates.length;
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
    const policy = detectionPolicy(image, planned(image, 'balanced'), rules);
    policy.next();
    policy.next([speck]);
    policy.next([speck]);
    expect(policy.next([part]).value).toMatchObject({ candidates: [] });
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
});
