/** How often genders and ages are right. */
import { SIZE_CLASSES, sizeClassOf } from '../size-classes.ts';
import { ORIGINS, type TruthPerson } from '../truth/utkface.ts';

/** A person, and what an answer says of them; null when no face was found. */
export interface EvaluatedPerson {
  truth: TruthPerson;
  answer: { gender: 'male' | 'female'; age: number; size: number } | null;
}

export interface AttributeFigures {
  faces: number;
  /** People without a detected face; they count in no other figure. */
  missed: number;
  /** Share of right genders, 0..1. */
  genderAccuracy: number | null;
  /** Mean absolute error of the age, years, and the mean error: above 0 for ages that come out too high. */
  ageError: number | null;
  ageBias: number | null;
}

/** First and last age of each group, years. */
const AGE_GROUPS = [
  [0, 3],
  [4, 9],
  [10, 15],
  [16, 29],
  [30, 44],
  [45, 59],
  [60, 79],
  [80, 120],
] as const;

type Group = AttributeFigures & { group: string };

export interface AttributeReport extends AttributeFigures {
  /** People of 16 years and more: a child's face does not show its gender. */
  adults: AttributeFigures;
  bySize: Group[];
  byAge: Group[];
  byGender: Group[];
  byOrigin: Group[];
}

/** Figures over all people, and by the size of the face, age, gender and origin. */
export function attributeFigures(people: readonly EvaluatedPerson[]): AttributeReport {
  const group = (name: string, belongs: (person: EvaluatedPerson) => boolean): Group => ({
    group: name,
    ...summary(people.filter(belongs)),
  });
  return {
    ...summary(people),
    adults: summary(people.filter(({ truth }) => truth.age >= 16)),
    bySize: SIZE_CLASSES.map((size) =>
      group(size.name, ({ answer }) => answer !== null && sizeClassOf(answer.size) === size),
    ),
    byAge: AGE_GROUPS.map(([from, to]) =>
      group(`${from}-${to} years`, ({ truth }) => truth.age >= from && truth.age <= to),
    ),
    byGender: (['female', 'male'] as const).map((gender) => group(gender, ({ truth }) => truth.gender === gender)),
    byOrigin: ORIGINS.map((origin) => group(origin, ({ truth }) => truth.origin === origin)),
  };
}

function summary(people: readonly EvaluatedPerson[]): AttributeFigures {
  const found = people.flatMap(({ truth, answer }) => (answer ? [{ truth, answer }] : []));
  const mean = (value: (one: (typeof found)[number]) => number) =>
    found.length ? found.reduce((sum, one) => sum + value(one), 0) / found.length : null;
  return {
    faces: people.length,
    missed: people.length - found.length,
    genderAccuracy: mean(({ truth, answer }) => Number(truth.gender === answer.gender)),
    ageError: mean(({ truth, answer }) => Math.abs(answer.age - truth.age)),
    ageBias: mean(({ truth, answer }) => answer.age - truth.age),
  };
}
