import { describe, expect, it } from 'vitest';
import { candidatesOf, faceSize } from './candidate.ts';

function output(...anchors: { score: number; box: number[]; points?: number[] }[]) {
  return {
    scores: Float32Array.from(anchors.map(({ score }) => score)),
    boxes: Float32Array.from(anchors.flatMap(({ box }) => box)),
    points: Float32Array.from(anchors.flatMap(({ points }) => points ?? new Array(10).fill(0))),
  };
}

const view = (scaleX: number, scaleY: number, originX = 0, originY = 0) => ({ scaleX, scaleY, originX, originY });

describe('candidates', () => {
  it('are in px of the image, their size also in px of the pass', () => {
    const points = [10, 20, 30, 20, 20, 30, 12, 40, 28, 40];
    const [face] = candidatesOf(output({ score: 0.9, box: [10, 20, 50, 110], points }), 0.1, view(0.5, 0.25), 2);
    expect(face).toMatchObject({ x1: 20, y1: 80, x2: 100, y2: 440, pass: 2, passSize: 60 });
    expect([...face!.points]).toEqual(points.map((value, i) => value * (i % 2 ? 4 : 2)));
    expect(faceSize(face!)).toBeCloseTo(Math.sqrt(80 * 360));
  });

  it('of a tile lie where the tile lies in the image, and those of other tiles are left out', () => {
    const points = [10, 20, 30, 20, 20, 30, 12, 40, 28, 40];
    const box = [10, 20, 50, 60];
    const given = output({ score: 0.9, box, points }, { score: 0.8, box: [0, 0, 20, 20] });
    const centres: number[][] = [];
    const found = candidatesOf(given, 0.1, view(0.5, 0.25, 100, 200), 2, (x, y) => {
      centres.push([x, y]);
      return x > 120;
    });
    expect(centres).toEqual([
      [130, 240],
      [110, 210],
    ]);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ x1: 220, y1: 880, x2: 300, y2: 1040, passSize: 40 });
    expect([...found[0]!.points]).toEqual(points.map((value, i) => (i % 2 ? (value + 200) * 4 : (value + 100) * 2)));
  });

  it('leave out anchors that score too low', () => {
    const box = [0, 0, 9, 9];
    const found = candidatesOf(output({ score: 0.09, box }, { score: 0.11, box }), 0.1, view(1, 1), 0);
    expect(found.map(({ score }) => Math.fround(score))).toEqual([Math.fround(0.11)]);
  });

  it('leave out degenerate boxes, whatever their score', () => {
    const bad = [
      [0, 0, 0, 9],
      [9, 9, 0, 0],
      [0, 0, Number.NaN, 9],
      [0, 0, Number.POSITIVE_INFINITY, 9],
    ].map((box) => ({ score: 0.9, box }));
    expect(candidatesOf(output(...bad, { score: Number.NaN, box: [0, 0, 9, 9] }), 0.1, view(1, 1), 0)).toEqual([]);
  });
});
