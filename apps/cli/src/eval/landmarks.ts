/** Landmarks against labelled points. */
import {
  boundingBoxOf,
  detectedFace,
  type FoundFace,
  type LandmarkError,
  type LandmarkFigures,
  landmarkError,
  landmarkFigures,
  type TruthPoints,
} from '@facequeue/evaluation';
import { type DetectionOptions, LARGEST_MAX_FACES } from '@facequeue/schema';
import { COLOURS, closeUpOf } from '../page/picture.ts';
import { fixed, percent, textTable } from '../table.ts';
import { type Evaluated, type Labelled, LEAST_CONFIDENCE, type Subject } from './subject.ts';

export interface LandmarkTruth {
  path: string;
  form: 'WFLW, 98 points' | '106 points';
  faces: TruthPoints[];
}

interface LabelledFaces extends Labelled {
  faces: TruthPoints[];
}

/** The evaluation of landmarks. */
export function landmarkSubject(truth: LandmarkTruth, options: DetectionOptions): Subject<LabelledFaces> {
  const byFile = Map.groupBy(truth.faces, ({ file }) => file);
  return {
    title: 'Landmarks',
    source: `${truth.path} (${truth.form})`,
    images: [...byFile].map(([file, faces]) => ({ file, faces })),
    options: {
      ...options,
      min_confidence: options.min_confidence ?? LEAST_CONFIDENCE,
      max_faces: options.max_faces ?? LARGEST_MAX_FACES,
      attributes: false,
    },
    report(evaluated) {
      const figures = landmarkFigures(evaluated.flatMap((one) => facesOf(one).map(({ error }) => error)));
      const row = (name: string, one: LandmarkFigures) => [
        name,
        one.faces,
        one.missed,
        fixed(one.nme, 2),
        fixed(one.nmePupils, 2),
        percent(one.failureRate),
        fixed(one.auc, 3),
      ];
      const text = textTable(
        ['', 'faces', 'not detected', 'NME %', 'NME % by pupils', 'failed at 10 %', 'AUC to 10 %'],
        [
          row('all', figures),
          ...figures.bySize.map((one) => row(one.size, one)),
          ...figures.byGroup.map((one) => row(one.group, one)),
        ],
      );
      return { json: figures, text };
    },
    columns: ['faces', 'not_detected', 'nme', 'nme_pupils', 'worst_nme'],
    row(one) {
      const { faces, missed, nme, nmePupils } = landmarkFigures(facesOf(one).map(({ error }) => error));
      const worst = Math.max(...facesOf(one).map(({ error }) => error.eyes ?? Number.NEGATIVE_INFINITY));
      return [faces, missed, nme, nmePupils, Number.isFinite(worst) ? 100 * worst : null];
    },
    badness: (one) => Math.max(...facesOf(one).map(({ error }) => error.eyes ?? Number.MAX_VALUE)),
    picture(one) {
      const faces = facesOf(one).toSorted((a, b) => badnessOf(b.error) - badnessOf(a.error));
      const errors = faces.map(({ error }) =>
        error.eyes === null ? 'not detected' : `NME ${fixed(100 * error.eyes, 1)} %`,
      );
      return {
        caption: `${errors.join(', ')}.`,
        marks: faces.flatMap(({ truth, found }) => [
          { box: boundingBoxOf(truth.points), colour: found ? COLOURS.found : COLOURS.missed, points: truth.points },
          ...(found ? [{ box: found.box, colour: COLOURS.wrong, points: found.landmarks! }] : []),
        ]),
        closeUps: faces.map(({ truth }) => closeUpOf(boundingBoxOf(truth.points))),
      };
    },
  };
}

const badnessOf = ({ eyes }: LandmarkError) => eyes ?? Number.MAX_VALUE;

/** The labelled faces of an image, the detected face of each, and its error. */
function facesOf({ image, answer }: Evaluated<LabelledFaces>) {
  const withPoints = answer.faces.filter((face): face is FoundFace & { landmarks: ArrayLike<number> } =>
    Boolean(face.landmarks),
  );
  return image.faces.map((truth) => {
    const found = detectedFace(withPoints, truth.points);
    return { truth, found, error: landmarkError(truth, found?.landmarks ?? null) };
  });
}
