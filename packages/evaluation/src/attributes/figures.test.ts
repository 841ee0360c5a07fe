import { describe, expect, it } from 'vitest';
import { attributeFigures, type EvaluatedPerson } from './figures.ts';

const person = (
  [age, gender]: [number, 'male' | 'female'],
  answer: [number, 'male' | 'female', number] | null,
): EvaluatedPerson => ({
  truth: { age, gender, origin: gender === 'male' ? 'white' : 'asian' },
  answer: answer && { age: answer[0], gender: answer[1], size: answer[2] },
});

describe('the figures of attributes', () => {
  // Errors of age +2, -6, +10; 2 of 3 genders are right; one person is missed.
  const report = attributeFigures([
    person([30, 'male'], [32, 'male', 100]),
    person([50, 'female'], [44, 'female', 100]),
    person([2, 'female'], [12, 'male', 20]),
    person([40, 'male'], null),
  ]);

  it('are accuracy, mean absolute error and bias of those that were found', () => {
    expect(report).toMatchObject({ faces: 4, missed: 1, genderAccuracy: 2 / 3, ageError: 18 / 3, ageBias: 2 });
    expect(report.adults).toMatchObject({ faces: 3, missed: 1, genderAccuracy: 1, ageError: 4, ageBias: -2 });
  });

  it('are given by size, age, gender and origin', () => {
    const counted = (groups: { group: string; faces: number; missed: number }[]) =>
      groups.filter(({ faces }) => faces).map(({ group, faces, missed }) => [group, faces, missed]);
    expect(counted(report.bySize)).toEqual([
      ['16-32 px', 1, 0],
      ['64-128 px', 2, 0],
    ]);
    expect(counted(report.byAge)).toEqual([
      ['0-3 years', 1, 0],
      ['30-44 years', 2, 1],
      ['45-59 years', 1, 0],
    ]);
    expect(counted(report.byGender)).toEqual([
      ['female', 2, 0],
      ['male', 2, 1],
    ]);
    expect(counted(report.byOrigin)).toEqual([
      ['white', 2, 1],
      ['asian', 2, 0],
    ]);
  });

  it('are empty without people', () => {
    expect(attributeFigures([])).toMatchObject({ faces: 0, missed: 0, genderAccuracy: null, ageError: null });
  });
});
