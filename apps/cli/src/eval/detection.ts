/** Detection against labelled boxes. */
import {
  type DetectionFigures,
  detectionFigures,
  type MatchRules,
  matchFaces,
  mustBeFound,
  type Outcome,
  type ScoredImage,
  type TruthImage,
} from '@facequeue/evaluation';
import { type DetectionOptions, LARGEST_MAX_FACES } from '@facequeue/schema';
import { COLOURS, closeUpOf } from '../page/picture.ts';
import { fixed, percent, textTable } from '../table.ts';
import { type Evaluated, LEAST_CONFIDENCE, type Report, type Subject } from './subject.ts';

export interface DetectionTruth {
  path: string;
  protocol: 'WIDER FACE' | 'COCO';
  images: TruthImage[];
}

/** Both ask for an intersection over union of a half; they differ in which face a detection may find. */
const RULES: Record<DetectionTruth['protocol'], MatchRules> = {
  'WIDER FACE': { iou: 0.5, rule: 'best' },
  COCO: { iou: 0.5, rule: 'free' },
};

/**
 * The evaluation of detection.
 * @param confidence from which a detection is reported: the pack's default, or that of the command line
 */
export function detectionSubject(
  { path, protocol, images }: DetectionTruth,
  options: DetectionOptions,
  confidence: number,
): Subject<TruthImage> {
  const rules = RULES[protocol];
  return {
    title: 'Detection',
    source: `${path} (${protocol})`,
    images,
    options: {
      ...options,
      min_confidence: LEAST_CONFIDENCE,
      max_faces: options.max_faces ?? LARGEST_MAX_FACES,
      landmarks: false,
      attributes: false,
    },
    report: (evaluated) => reportOf(detectionFigures(evaluated.map(scored), rules, confidence)),
    columns: ['faces', 'ignored', 'found', 'missed', 'false'],
    row: (one) => {
      const { faces, ignored, found, missed, wrong } = outcomesOf(one, rules, confidence);
      return [faces, ignored, found, missed.length, wrong.length];
    },
    badness: (one) => {
      const { missed, wrong } = outcomesOf(one, rules, confidence);
      return missed.length + wrong.length;
    },
    picture: (one) => {
      const { faces, found, missed, wrong, ignoredBoxes, foundBoxes } = outcomesOf(one, rules, confidence);
      return {
        caption: `${found} of ${faces} faces found, ${missed.length} missed, ${wrong.length} false.`,
        marks: [
          ...ignoredBoxes.map((box) => ({ box, colour: COLOURS.ignored })),
          ...foundBoxes.map((box) => ({ box, colour: COLOURS.found })),
          ...missed.map((box) => ({ box, colour: COLOURS.missed })),
          ...wrong.map((box) => ({ box, colour: COLOURS.wrong })),
        ],
        closeUps: [...missed, ...wrong].map(closeUpOf),
      };
    },
  };
}

const scored = ({ image, answer }: Evaluated<TruthImage>): ScoredImage => ({
  detections: answer.faces,
  truths: image.faces,
});

/** What became of the faces of an image and of the detections that are reported. */
function outcomesOf({ image, answer }: Evaluated<TruthImage>, rules: MatchRules, confidence: number) {
  const reported = answer.faces.filter((face) => face.confidence >= confidence);
  const { outcomes, foundBy } = matchFaces(reported, image.faces, rules);
  const faces = image.faces.filter(mustBeFound);
  const boxesOf = (outcome: Outcome) => reported.filter((_, i) => outcomes[i] === outcome).map(({ box }) => box);
  const foundBoxes = boxesOf('true');
  return {
    faces: faces.length,
    ignored: image.faces.length - faces.length,
    ignoredBoxes: image.faces.filter((face) => !mustBeFound(face)).map(({ box }) => box),
    found: foundBoxes.length,
    foundBoxes,
    missed: image.faces.filter((face, i) => mustBeFound(face) && foundBy[i] === null).map(({ box }) => box),
    wrong: boxesOf('false'),
  };
}

function reportOf(figures: DetectionFigures): Report {
  const { operatingPoint, best } = figures;
  const operatingPoints = [
    ['this', operatingPoint],
    ['best F1', best],
  ] as const;
  const text = [
    `${figures.faces} faces, and ${figures.ignored} that count neither way.\n\n`,
    `AP@0.5 (all-point interpolation): ${percent(figures.averagePrecision) ?? '-'}\n`,
    textTable(
      ['with smaller faces ignored', 'faces', 'AP@0.5'],
      figures.averagePrecisionFrom.map(({ least, faces, averagePrecision }) => [
        `from ${least} px`,
        faces,
        percent(averagePrecision),
      ]),
    ),
    '\n',
    textTable(
      ['confidence', '', 'precision', 'recall', 'F1', 'false faces an image'],
      operatingPoints.flatMap(([name, one]) =>
        one
          ? [
              [
                fixed(one.confidence, 3),
                name,
                percent(one.precision),
                percent(one.recall),
                percent(one.f1),
                fixed(one.falsePerImage, 3),
              ],
            ]
          : [],
      ),
    ),
    '\n',
    textTable(
      [
        'recall by face size',
        'faces',
        'at this',
        ...figures.recallAt.map((one) => `${one.falsePerImage} false an image`),
      ],
      [
        [
          'all',
          figures.faces,
          percent(operatingPoint.recall),
          ...figures.recallAt.map(({ recall }) => percent(recall)),
        ],
        ...figures.bySize.map(({ size, faces, recall, recallAt }) => [
          size,
          faces,
          percent(recall),
          ...recallAt.map((one) => percent(one)),
        ]),
      ],
    ),
  ].join('');
  return { json: figures, text };
}
