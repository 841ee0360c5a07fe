import { assert, double, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Session } from '../device/session.ts';
import { Arena } from '../pixels/index.ts';
import type { Candidate } from './candidate.ts';
import { candidatesToVerify, leastPromising, verifierCrop, verifyCandidates, withOpinion } from './verification.ts';

const RULES = { profiles: ['balanced' as const], candidate_score: 0.2, score_share: 0.1, box_share: 0.4 };
const CROP = { from: 'box', extent: 'max', upright: true, size: 48, scale: 1 } as const;

const candidate = (score: number, x1 = 10, y1 = 20, width = 30, height = 40): Candidate => ({
  ...{ x1, y1, x2: x1 + width, y2: y1 + height },
  score,
  points: new Float32Array(10),
  passSize: 30,
  pass: 2,
});
const BOX = { x1: 0, y1: 30, x2: 40, y2: 80 };
const opinion = (face: number) => ({ face, box: BOX });
const probability = () => double({ min: 0, max: 1, noNaN: true });

describe('a verified candidate', () => {
  it('has the sum of both logits, the verifier’s by its share, as the logit of its score', () => {
    // logit 0.6 = 0.405465, logit 0.99 = 4.595120; sigmoid(0.405465 + 0.459512) = 0.7037
    expect(withOpinion(candidate(0.6), opinion(0.99), RULES).score).toBeCloseTo(0.7037, 4);
    // logit 0.001 = -6.906755; sigmoid(0.405465 - 0.690675) = 0.4292
    expect(withOpinion(candidate(0.6), opinion(0.001), RULES).score).toBeCloseTo(0.4292, 4);
    expect(withOpinion(candidate(0.6), opinion(0.5), RULES).score).toBeCloseTo(0.6, 12);
  });

  it('has a box that lies by the verifier’s share between both, and keeps the detector’s', () => {
    const { x1, y1, x2, y2, detectorBox } = withOpinion(candidate(0.6), opinion(0.9), RULES);
    expect([x1, y1, x2, y2]).toEqual([6, 24, 40, 68]);
    expect(detectorBox).toEqual({ x1: 10, y1: 20, x2: 40, y2: 60 });
  });

  it('scores between 0 and 1, and no less for a verifier that is surer', () => {
    assert(
      property(probability(), probability(), probability(), (score, one, other) => {
        const [low, high] = [Math.min(one, other), Math.max(one, other)].map(
          (face) => withOpinion(candidate(score), opinion(face), RULES).score,
        ) as [number, number];
        expect(low).toBeGreaterThan(0);
        expect(high).toBeLessThan(1);
        expect(high).toBeGreaterThanOrEqual(low);
      }),
    );
  });
});

describe('the candidates that are verified', () => {
  it('are all that could reach the confidence, and no others', () => {
    assert(
      property(probability(), probability(), probability(), (confidence, score, face) => {
        const least = leastPromising(confidence, RULES);
        const verified = withOpinion(candidate(score), opinion(face), RULES).score;
        if (score < least && least > RULES.candidate_score) expect(verified).toBeLessThan(confidence + 1e-9);
      }),
    );
    // Just as high as the surest verifier lifts it.
    const least = leastPromising(0.65, RULES);
    expect(least).toBeCloseTo(0.3181, 4);
    expect(withOpinion(candidate(least), opinion(1), RULES).score).toBeCloseTo(0.65, 9);
  });

  it('have the pack’s score at least; below it a candidate counts as it is', () => {
    const all = [0.9, 0.2, 0.19, 0.1, 0.09].map((score) => candidate(score));
    const { unsure, sure } = candidatesToVerify(all, 0.1, RULES);
    expect([unsure, sure].map((some) => some.map(({ score }) => score))).toEqual([
      [0.9, 0.2],
      [0.19, 0.1],
    ]);
  });

  it('are none without a verifier', () => {
    const all = [0.9, 0.65, 0.64].map((score) => candidate(score));
    expect(candidatesToVerify(all, 0.65, undefined)).toEqual({ unsure: [], sure: all.slice(0, 2) });
  });
});

describe('verifying', () => {
  it('cuts an upright square round the box, as wide as its longer side', () => {
    expect(verifierCrop(candidate(0.5), CROP)).toEqual({ centreX: 25, centreY: 40, side: 40, roll: 0 });
    expect(verifierCrop(candidate(0.5, 0, 0, 90, 60), { ...CROP, scale: 1.5 })).toEqual({
      ...{ centreX: 45, centreY: 30, side: 135, roll: 0 },
    });
  });

  it('asks about each candidate with its own crop, and sorts them by their new scores', async () => {
    const runs: number[] = [];
    // As sure as the crop is bright; its box is the left half of the crop.
    const session: Session = {
      inputs: [],
      outputs: [],
      run: async ({ faces }) => {
        const [count = 0, size = 0] = faces!.dims;
        runs.push(count);
        expect(faces!.dims).toEqual([count, 48, 48, 3]);
        const crops = Array.from({ length: count }, (_, i) => (faces!.data as Uint8Array)[i * size * size * 3]!);
        return {
          face: { data: Float32Array.from(crops, (grey) => grey / 255), dims: [count] },
          boxes: { data: Float32Array.from(crops.flatMap(() => [0, 0, 24, 48])), dims: [count, 4] },
        };
      },
      close: async () => {},
    };
    // Columns of 10 px, each brighter than the one before it.
    const [width, height] = [400, 10];
    const data = Uint8Array.from(
      { length: width * height * 3 },
      (_, i) => 40 + 5 * Math.floor((Math.floor(i / 3) % width) / 10),
    );
    const candidates = Array.from({ length: 40 }, (_, i) => candidate(0.5, i * 10, 0, 10, 10));
    const verified = await verifyCandidates(
      session,
      new Arena().adopt({ data, width, height }),
      candidates,
      RULES,
      CROP,
    );
    expect(runs).toEqual([32, 8]);
    expect(verified.map(({ detectorBox }) => detectorBox!.x1)).toEqual(candidates.map(({ x1 }) => x1).reverse());
    for (const { x1, y1, x2, y2, detectorBox } of verified) {
      expect(x1).toBeCloseTo(detectorBox!.x1, 6);
      expect([y1, y2]).toEqual([0, 10]);
      expect(x2).toBeCloseTo(detectorBox!.x1 + 8, 6);
    }
  });

  it('runs nothing without a candidate', async () => {
    const session: Session = {
      inputs: [],
      outputs: [],
      run: () => Promise.reject(new Error('not to be run')),
      close: async () => {},
    };
    const image = new Arena().adopt({ data: new Uint8Array(3), width: 1, height: 1 });
    expect(await verifyCandidates(session, image, [], RULES, CROP)).toEqual([]);
  });
});
