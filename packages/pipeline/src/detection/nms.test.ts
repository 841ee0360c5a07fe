import { array, assert, boolean, constantFrom, double, integer, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Candidate } from './candidate.ts';
import { iou, merge } from './nms.ts';

const face = (x: number, y: number, size: number, score: number, more: Partial<Candidate> = {}): Candidate => ({
  x1: x,
  y1: y,
  x2: x + size,
  y2: y + size,
  score,
  points: new Float32Array(10),
  passSize: size,
  pass: 1,
  ...more,
});

/** Crowded on purpose: most boxes overlap another one. */
const faces = array(
  record({
    x: integer({ min: 0, max: 60 }),
    y: integer({ min: 0, max: 60 }),
    size: integer({ min: 5, max: 40 }),
    score: double({ min: 0.1, max: 1, noNaN: true }),
  }).map(({ x, y, size, score }) => face(x, y, size, score)),
  { maxLength: 40 },
);

/** Merging as it is defined, without looking for neighbours first. */
function plainMerge(candidates: readonly Candidate[], nmsIou: number, voteIou: number): Candidate[] {
  let left = candidates.toSorted((a, b) => b.score - a.score);
  const kept: Candidate[] = [];
  while (left.length > 0) {
    const best = left[0]!;
    const voters = left.filter((other) => other === best || iou(best, other) >= voteIou);
    const weight = voters.reduce((sum, { score }) => sum + score, 0);
    const mean = (side: 'x1' | 'y1' | 'x2' | 'y2') =>
      voters.reduce((sum, voter) => sum + voter[side] * voter.score, 0) / weight;
    kept.push({ ...best, x1: mean('x1'), y1: mean('y1'), x2: mean('x2'), y2: mean('y2') });
    left = left.filter((other) => other !== best && iou(best, other) < nmsIou);
  }
  return kept;
}

/** Boxes of very different shapes in a wide or tall strip. */
const strips = array(
  record({
    along: integer({ min: 0, max: 300 }),
    across: integer({ min: 0, max: 20 }),
    length: integer({ min: 1, max: 90 }),
    breadth: integer({ min: 1, max: 90 }),
    score: double({ min: 0.1, max: 1, noNaN: true }),
  }),
  { minLength: 2, maxLength: 60 },
).chain((boxes) =>
  boolean().map((wide) =>
    boxes.map(({ along, across, length, breadth, score }) => {
      const [x1, y1, width, height] = wide ? [along, across, length, breadth] : [across, along, breadth, length];
      return { ...face(x1, y1, 1, score), x2: x1 + width, y2: y1 + height };
    }),
  ),
);
/** A box that is the mean of itself alone may still be off by this: overlaps of exactly the limit are not rare. */
const ROUNDING = 1e-9;
const fractions = constantFrom(0, 0.05, 0.3, 0.45, 0.5, 0.55, 0.9, 1);

describe('merging', () => {
  it('compares all boxes that overlap by the limits or more, in wide and in tall pictures', () => {
    assert(
      property(strips, fractions, fractions, (boxes, nmsIou, voteIou) => {
        const merged = merge(boxes, nmsIou, voteIou);
        expect(merged).toEqual(plainMerge(boxes, nmsIou, voteIou));
      }),
      { numRuns: 1000 },
    );
  });

  it('keeps one face per group: every candidate overlaps a kept one of at least its score', () => {
    assert(
      property(faces, (all) => {
        // A vote limit no overlap reaches leaves every box where its candidate had it.
        const kept = merge(all, 0.45, 1.1);
        for (const one of all)
          expect(kept.some((other) => other.score >= one.score && iou(one, other) >= 0.45 - ROUNDING)).toBe(true);
        for (const [i, a] of kept.entries())
          for (const b of kept.slice(i + 1)) expect(iou(a, b)).toBeLessThan(0.45 + ROUNDING);
      }),
    );
  });

  it('sorts faces by score, whatever their order in the input', () => {
    assert(
      property(faces, (all) => {
        const scores = merge(all, 0.45, 0.55).map(({ score }) => score);
        expect(scores).toEqual(scores.toSorted((a, b) => b - a));
        const distinct = new Set(all.map(({ score }) => score)).size === all.length;
        if (distinct) expect(merge(all.toReversed(), 0.45, 0.55).map(({ score }) => score)).toEqual(scores);
      }),
    );
  });

  it('produces a box whose sides lie between those of the boxes it is averaged from', () => {
    assert(
      property(faces, (all) => {
        // Without suppression each candidate is kept, and every less confident one that is near enough votes for it.
        const byScore = all.toSorted((a, b) => b.score - a.score);
        const kept = merge(all, 1.1, 0.55);
        expect(kept).toHaveLength(all.length);
        for (const [i, one] of kept.entries()) {
          const voters = byScore.slice(i).filter((other) => other === byScore[i] || iou(byScore[i]!, other) >= 0.55);
          const weight = voters.reduce((sum, { score }) => sum + score, 0);
          for (const side of ['x1', 'y1', 'x2', 'y2'] as const) {
            const mean = voters.reduce((sum, voter) => sum + voter[side] * voter.score, 0) / weight;
            expect(one[side]).toBeCloseTo(mean, 6);
            expect(one[side]).toBeGreaterThanOrEqual(Math.min(...voters.map((voter) => voter[side])) - 1e-9);
            expect(one[side]).toBeLessThanOrEqual(Math.max(...voters.map((voter) => voter[side])) + 1e-9);
          }
        }
      }),
    );
  });

  it('measures overlap as the shared area by the whole', () => {
    const box = (x1: number, y1: number, x2: number, y2: number) => ({ x1, y1, x2, y2 });
    expect(iou(box(0, 0, 4, 2), box(0, 0, 4, 2))).toBe(1);
    expect(iou(box(0, 0, 4, 2), box(2, 1, 6, 3))).toBeCloseTo(2 / 14);
    expect(iou(box(0, 0, 4, 2), box(1, 0, 3, 1))).toBeCloseTo(2 / 8);
    for (const apart of [box(4, 0, 8, 2), box(0, 2, 4, 4), box(5, 0, 8, 2), box(-3, -3, -1, -1), box(5, 5, 6, 6)])
      expect(iou(box(0, 0, 4, 2), apart)).toBe(0);
  });

  it('suppresses and counts a box that overlaps by exactly the limit', () => {
    // Equal squares that share two thirds of their width overlap by a half.
    const pair = [face(0, 0, 90, 0.9), face(30, 0, 90, 0.3)];
    expect(merge(pair, 0.5, 0.5)).toHaveLength(1);
    expect(merge(pair, 0.5, 0.5)[0]!.x1).toBeCloseTo((30 * 0.3) / 1.2);
    expect(merge(pair, 0.501, 0.501).map(({ x1 }) => x1)).toEqual([0, 30]);
  });

  it('weights votes by score and counts only nearby boxes', () => {
    const [merged] = merge([face(0, 0, 100, 0.9), face(10, 0, 100, 0.3), face(35, 0, 100, 0.8)], 0.45, 0.55);
    // The third overlaps the first by 0.48: suppressed, but too far to vote.
    expect(merged!.x1).toBeCloseTo((0 * 0.9 + 10 * 0.3) / 1.2);
    expect(merge([face(0, 0, 100, 0.9), face(35, 0, 100, 0.8)], 0.45, 0.55)).toHaveLength(1);
  });

  it('does not change its input', () => {
    const given = [face(0, 0, 10, 0.5), face(1, 0, 10, 0.9)];
    const copy = structuredClone(given);
    merge(given, 0.45, 0.55);
    expect(given).toEqual(copy);
  });

  it('takes the points of a large face from the coarser pass, those of a small face from the more confident one', () => {
    const coarse = new Float32Array(10).fill(1);
    const fine = new Float32Array(10).fill(2);
    const pair = (passSize: number) => [
      face(0, 0, 100, 0.95, { points: fine, pass: 2, passSize: passSize * 2 }),
      face(1, 0, 100, 0.9, { points: coarse, pass: 0, passSize }),
    ];
    expect(merge(pair(80), 0.45, 0.55)[0]!.points).toBe(coarse);
    expect(merge(pair(40), 0.45, 0.55)[0]!.points).toBe(fine);
    // From 64 px of its pass a face counts as large.
    expect(merge(pair(64), 0.45, 0.55)[0]!.points).toBe(coarse);
    expect(merge(pair(63.9), 0.45, 0.55)[0]!.points).toBe(fine);
    const samePass = pair(80).map((one) => ({ ...one, pass: 1 }));
    expect(merge(samePass, 0.45, 0.55)[0]!.points).toBe(fine);
  });
});
