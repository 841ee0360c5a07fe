/** Age and gender against those in the names of files. */
import {
  type AttributeFigures,
  attributeFigures,
  type EvaluatedPerson,
  sizeOf,
  type TruthPerson,
} from '@facequeue/evaluation';
import type { DetectionOptions } from '@facequeue/schema';
import { COLOURS } from '../page/picture.ts';
import { fixed, percent, textTable } from '../table.ts';
import type { Evaluated, Labelled, Subject } from './subject.ts';

export interface LabelledPerson extends Labelled {
  person: TruthPerson;
}

/** A wrong gender counts as this error of age, years. */
const WRONG_GENDER = 30;

/**
 * The evaluation of age and gender.
 * @param path folder of the images
 */
export function attributeSubject(
  path: string,
  images: readonly LabelledPerson[],
  options: DetectionOptions,
): Subject<LabelledPerson> {
  return {
    title: 'Age and gender',
    source: `${path} (UTKFace)`,
    images,
    options: { ...options, landmarks: false },
    report(evaluated) {
      const figures = attributeFigures(evaluated.map(personOf));
      const row = (name: string, one: AttributeFigures) => [
        name,
        one.faces,
        one.missed,
        percent(one.genderAccuracy),
        fixed(one.ageError, 2),
        fixed(one.ageBias, 2),
      ];
      const groups = [figures.bySize, figures.byAge, figures.byGender, figures.byOrigin].flat();
      const text = textTable(
        ['', 'people', 'not detected', 'gender right', 'age error, years', 'too old by'],
        [row('all', figures), row('16 years and more', figures.adults), ...groups.map((one) => row(one.group, one))],
      );
      return { json: figures, text };
    },
    columns: ['age', 'gender', 'origin', 'answered_age', 'answered_gender', 'male', 'size'],
    row(one) {
      const { truth, answer } = personOf(one);
      const male = one.answer.faces[0]?.attributes?.male ?? null;
      const answers = answer ? [answer.age, answer.gender, male, answer.size] : [null, null, null, null];
      return [truth.age, truth.gender, truth.origin, ...answers];
    },
    badness(one) {
      const { truth, answer } = personOf(one);
      if (!answer) return Number.MAX_VALUE;
      return Math.abs(answer.age - truth.age) + (answer.gender === truth.gender ? 0 : WRONG_GENDER);
    },
    picture(one) {
      const { truth, answer } = personOf(one);
      const found = answer ? `answered ${answer.gender}, ${fixed(answer.age, 0)}` : 'no face was found';
      const right = answer?.gender === truth.gender;
      return {
        caption: `${truth.gender}, ${truth.age}: ${found}.`,
        marks: one.answer.faces.slice(0, 1).map(({ box }) => ({ box, colour: right ? COLOURS.found : COLOURS.wrong })),
        closeUps: [],
      };
    },
  };
}

/** The person of an image, and the answer for the most confident face. */
function personOf({ image, answer }: Evaluated<LabelledPerson>): EvaluatedPerson {
  const [face] = answer.faces;
  if (!face?.attributes) return { truth: image.person, answer: null };
  const { male, age } = face.attributes;
  return { truth: image.person, answer: { gender: male >= 0.5 ? 'male' : 'female', age, size: sizeOf(face.box) } };
}
