import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  averagePrecision,
  bestOperatingPoint,
  curveOf,
  matchAll,
  operatingPointAt,
  recallAt,
  type ScoredImage,
} from './curve.ts';
import { detectionFigures } from './figures.ts';

const RULES = { iou: 0.5, rule: 'best' } as const;
const box = (x: number, size = 10) => ({ x, y: 0, width: size, height: size });
const curve = (images: readonly ScoredImage[]) => curveOf(images, matchAll(images, RULES));

/**
 * Four faces in two images. By confidence: .9 true, .8 false, .7 true, .6 false, .5 true; one face is missed.
 * recall    1/4   1/4   2/4   2/4   3/4
 * precision 1/1   1/2   2/3   2/4   3/5
 */
const IMAGES: ScoredImage[] = [
  {
    truths: [{ box: box(0) }, { box: box(100) }, { box: box(200) }],
    detections: [
      { box: box(0), confidence: 0.9 },
      { box: box(50), confidence: 0.8 },
      { box: box(100), confidence: 0.7 },
    ],
  },
  {
    truths: [{ box: box(0) }],
    detections: [
      { box: box(300), confidence: 0.6 },
      { box: box(1), confidence: 0.5 },
    ],
  },
];

describe('the curve', () => {
  it('has the area of all-point interpolation', () => {
    // Highest precision at a recall or above: 1 up to 1/4, 2/3 up to 2/4, 3/5 up to 3/4, nothing beyond.
    // 1/4 * 1 + 1/4 * 2/3 + 1/4 * 3/5 = 0.25 * (1 + 0.66667 + 0.6) = 0.566667
    expect(averagePrecision(curve(IMAGES))).toBeCloseTo(0.25 * (1 + 2 / 3 + 3 / 5), 10);
  });

  it('takes the higher precision of a higher recall', () => {
    // By confidence: false, true, true. Precision 0, 1/2, 2/3; at both recalls 2/3 is the highest at or above.
    const image: ScoredImage = {
      truths: [{ box: box(0) }, { box: box(100) }],
      detections: [
        { box: box(50), confidence: 0.9 },
        { box: box(0), confidence: 0.8 },
        { box: box(100), confidence: 0.7 },
      ],
    };
    expect(averagePrecision(curve([image]))).toBeCloseTo(2 / 3, 10);
  });

  it('gives the recall at false faces an image', () => {
    // Two images: half a false face an image is one in all, which lasts to 0.7; none lasts to 0.9.
    expect(recallAt(curve(IMAGES), 0.5)).toEqual({ recall: 2 / 4, confidence: 0.7 });
    expect(recallAt(curve(IMAGES), 0.1)).toEqual({ recall: 1 / 4, confidence: 0.9 });
    expect(recallAt(curve(IMAGES), 1)).toEqual({ recall: 3 / 4, confidence: 0.5 });
  });

  it('gives no recall where the first detection is one false face too many', () => {
    const image = { truths: [{ box: box(0) }], detections: [{ box: box(50), confidence: 0.9 }] };
    expect(recallAt(curve([image]), 0.1)).toEqual({ recall: 0, confidence: Number.POSITIVE_INFINITY });
  });

  it('gives precision, recall and F1 at a confidence', () => {
    // From 0.65 on: 2 found, 1 false, of 4 faces. F1 = 2 * 2 / (3 + 4).
    const operatingPoint = operatingPointAt(curve(IMAGES), 0.65);
    expect(operatingPoint).toEqual({ confidence: 0.65, precision: 2 / 3, recall: 0.5, f1: 4 / 7, falsePerImage: 0.5 });
    expect(operatingPointAt(curve(IMAGES), 0.7).recall).toBe(0.5);
    expect(operatingPointAt(curve(IMAGES), 0.95)).toMatchObject({ precision: 0, recall: 0, f1: 0, falsePerImage: 0 });
  });

  it('gives the confidence of the best F1', () => {
    // F1: 2/5 = .4, 2/6, 4/7 = .571, 4/8, 6/9 = .667.
    expect(bestOperatingPoint(curve(IMAGES))).toMatchObject({ confidence: 0.5, f1: 6 / 9 });
    expect(bestOperatingPoint(curve([{ truths: [], detections: [] }]))).toBeNull();
  });

  it('has no average precision without faces, and counts false ones', () => {
    const empty = curve([
      { truths: [{ box: box(0), ignored: true }], detections: [{ box: box(50), confidence: 0.9 }] },
    ]);
    expect(averagePrecision(empty)).toBeNull();
    expect(operatingPointAt(empty, 0.5)).toMatchObject({ precision: 0, falsePerImage: 1 });
  });

  it('does not count what lies on ignored faces', () => {
    const image = {
      truths: [{ box: box(0) }, { box: box(100), ignored: true }],
      detections: [
        { box: box(100), confidence: 0.9 },
        { box: box(0), confidence: 0.8 },
      ],
    };
    expect(averagePrecision(curve([image]))).toBe(1);
  });

  it('treats equal confidences as one point', () => {
    const images = [
      { truths: [{ box: box(0) }], detections: [{ box: box(0), confidence: 0.5 }] },
      { truths: [], detections: [{ box: box(0), confidence: 0.5 }] },
    ];
    expect(curve(images).points).toEqual([{ confidence: 0.5, found: 1, wrong: 1 }]);
    expect(averagePrecision(curve(images))).toBe(0.5);
  });
});

describe('the figures by size', () => {
  // Faces of 10, 20 and 200 px, found at 0.9 (10 px) and 0.4 (200 px).
  const images: ScoredImage[] = [
    {
      truths: [{ box: box(0) }, { box: box(100, 20) }, { box: box(500, 200) }],
      detections: [
        { box: box(0), confidence: 0.9 },
        { box: box(500, 200), confidence: 0.4 },
      ],
    },
  ];
  const { bySize, averagePrecisionFrom } = detectionFigures(images, RULES, 0.5);

  it('give the recall of each size at the confidence and at false faces an image', () => {
    expect(bySize.map(({ size, faces, recall, recallAt }) => [size, faces, recall, recallAt[0]])).toEqual([
      ['< 16 px', 1, 1, 1],
      ['16-32 px', 1, 0, 0],
      ['32-64 px', 0, null, null],
      ['64-128 px', 0, null, null],
      ['>= 128 px', 1, 0, 1],
    ]);
  });

  it('ignore smaller faces and what lies on them', () => {
    // From 16 px on: faces of 20 and 200 px; the second is found without a false one, so half of the area is 1.
    expect(averagePrecisionFrom).toEqual([
      { least: 16, faces: 2, averagePrecision: 0.5 },
      { least: 32, faces: 1, averagePrecision: 1 },
      { least: 64, faces: 1, averagePrecision: 1 },
      { least: 128, faces: 1, averagePrecision: 1 },
    ]);
  });
});

// Few places and sizes, so that many detections lie on a face.
const face = fc.record({ x: fc.constantFrom(0, 3, 20, 40, 60), size: fc.constantFrom(10, 12, 18) });
const images = fc.array(
  fc.record({
    truths: fc.array(
      fc.record({ box: face.map(({ x, size }) => box(x, size)), ignored: fc.boolean(), crowd: fc.constant(false) }),
      { maxLength: 6 },
    ),
    detections: fc.array(
      fc.record({
        box: face.map(({ x, size }) => box(x, size)),
        confidence: fc.integer({ min: 1, max: 10 }).map((tenths) => tenths / 10),
      }),
      { maxLength: 8 },
    ),
  }),
  { minLength: 1, maxLength: 5 },
);

describe('for any images, the figures', () => {
  it('lie between 0 and 1', () => {
    fc.assert(
      fc.property(images, (some) => {
        const { averagePrecision, operatingPoint, best, recallAt } = detectionFigures(some, RULES, 0.5);
        const shares = [
          averagePrecision ?? 0,
          operatingPoint.precision,
          operatingPoint.recall,
          operatingPoint.f1,
          best?.f1 ?? 0,
        ];
        for (const share of [...shares, ...recallAt.map(({ recall }) => recall)]) {
          expect(share).toBeGreaterThanOrEqual(0);
          expect(share).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it('do not depend on the sequence of the images', () => {
    fc.assert(
      fc.property(images, (some) => {
        expect(detectionFigures(some.toReversed(), RULES, 0.5)).toEqual(detectionFigures(some, RULES, 0.5));
      }),
    );
  });

  it('are 1 for a perfect detector', () => {
    fc.assert(
      fc.property(images, (some) => {
        // Faces side by side, each detected where it is.
        const perfect = some.map(({ truths }) => {
          const apart = truths.map((truth, i) => ({ ...truth, box: box(i * 100, truth.box.width) }));
          return { truths: apart, detections: apart.map(({ box }) => ({ box, confidence: 0.9 })) };
        });
        const { faces, averagePrecision, operatingPoint } = detectionFigures(perfect, RULES, 0.5);
        fc.pre(faces > 0);
        expect(averagePrecision).toBe(1);
        expect(operatingPoint).toEqual({ confidence: 0.5, precision: 1, recall: 1, f1: 1, falsePerImage: 0 });
      }),
    );
  });

  it('do not rise by a false detection, nor fall by one that is less sure than all others', () => {
    fc.assert(
      fc.property(images, (some) => {
        const nowhere = { box: box(10_000), confidence: 1 };
        const worse = [{ ...some[0]!, detections: [...some[0]!.detections, nowhere] }, ...some.slice(1)];
        const last = [
          { ...some[0]!, detections: [...some[0]!.detections, { ...nowhere, confidence: 0 }] },
          ...some.slice(1),
        ];
        const precision = (of: readonly ScoredImage[]) => detectionFigures(of, RULES, 0.5).averagePrecision ?? 0;
        expect(precision(worse)).toBeLessThanOrEqual(precision(some) + 1e-12);
        expect(precision(last)).toBeCloseTo(precision(some), 12);
      }),
    );
  });
});
