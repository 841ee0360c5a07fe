import { describe, expect, it } from 'vitest';
import { type Detected, matchFaces, type Truth } from './match.ts';

const at = (x: number, width = 10) => ({ x, y: 0, width, height: 10 });
const face = (x: number, more: Partial<Truth> = {}): Truth => ({ box: at(x), ...more });
const detection = (x: number, confidence: number): Detected => ({ box: at(x), confidence });
const WIDER = { iou: 0.5, rule: 'best' } as const;
const COCO = { iou: 0.5, rule: 'free' } as const;

describe.each([WIDER, COCO])('matchFaces by the rule "$rule"', (rules) => {
  it('finds a face from half of an overlap on', () => {
    // Shifted by d, two boxes of 10 x 10 share 10 (10 - d): the ratio is (10 - d) / (10 + d), 0.538 at 3 and 0.429 at 4.
    const { outcomes, foundBy } = matchFaces([detection(3, 0.9), detection(104, 0.8)], [face(0), face(100)], rules);
    expect(outcomes).toEqual(['true', 'false']);
    expect(foundBy).toEqual([0, null]);
  });

  it('gives a face to its most confident detection; another one is false', () => {
    const { outcomes, foundBy } = matchFaces([detection(0, 0.5), detection(1, 0.9)], [face(0)], rules);
    expect(outcomes).toEqual(['false', 'true']);
    expect(foundBy).toEqual([1]);
  });

  it('counts detections of an ignored face neither way, however many', () => {
    const ignored = face(0, { ignored: true });
    const { outcomes, foundBy } = matchFaces([detection(0, 0.9), detection(1, 0.8)], [ignored], rules);
    expect(outcomes).toEqual(['ignored', 'ignored']);
    expect(foundBy).toEqual([null]);
  });

  it('counts a detection half of which lies in a crowd neither way', () => {
    const crowd = { box: at(0, 100), crowd: true };
    // Half of the box at 95 lies in the crowd, 4 tenths of the one at 96.
    const { outcomes } = matchFaces([detection(20, 0.9), detection(95, 0.8), detection(96, 0.7)], [crowd], rules);
    expect(outcomes).toEqual(['ignored', 'ignored', 'false']);
  });

  it('finds no face by a detection of the whole crowd', () => {
    const crowd = { box: at(0), crowd: true };
    expect(matchFaces([detection(0, 0.9)], [crowd], rules)).toEqual({ outcomes: ['ignored'], foundBy: [null] });
  });

  it('finds a face that stands in a crowd', () => {
    const { outcomes } = matchFaces([detection(20, 0.9)], [{ box: at(0, 100), crowd: true }, face(20)], rules);
    expect(outcomes).toEqual(['true']);
  });
});

describe('matchFaces', () => {
  // The first detection lies on the first face; the second one, at 2, overlaps that face by 8/12 and the other, at 5, by 7/13.
  const detections = [detection(0, 0.9), detection(2, 0.8)];
  const faces = [face(0), face(5)];

  it('looks only at the face that a detection overlaps most, as WIDER FACE does', () => {
    expect(matchFaces(detections, faces, WIDER)).toEqual({ outcomes: ['true', 'false'], foundBy: [0, null] });
  });

  it('looks for another face that is not found yet, as COCO does', () => {
    expect(matchFaces(detections, faces, COCO)).toEqual({ outcomes: ['true', 'true'], foundBy: [0, 1] });
  });

  it('prefers a face that counts to an ignored one that overlaps more, as COCO does', () => {
    const pair = [face(0, { ignored: true }), face(3)];
    expect(matchFaces([detection(1, 0.9)], pair, COCO).outcomes).toEqual(['true']);
    expect(matchFaces([detection(1, 0.9)], pair, WIDER).outcomes).toEqual(['ignored']);
  });
});
