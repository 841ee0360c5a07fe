import { describe, expect, it } from 'vitest';
import { pairwise } from '../../../../test/support/pairwise.ts';
import { type CallerOptions, DEFAULT_DETECTION_OPTIONS, DetectionOptions } from './options.ts';
import { optionsFrom, storedOptions } from './stored-options.ts';

/** What release 0.1.0 knows. */
const OF_0_1_0 = {
  profile: ['fast', 'balanced', 'small-faces'],
  landmarks: [true, false],
  attributes: [true, false],
  orient: [true, false],
};
const NUMBERS = ['max_faces', 'min_confidence', 'min_face_size'];

describe('stored options', () => {
  it('that release 0.1.0 knows are stored as it stores them, and nothing beside them', () => {
    for (const given of [{}, { max_faces: 3, landmarks: false, min_confidence: 0.5 }, { orient: false }] as const) {
      const options = DetectionOptions.parse(given);
      expect(storedOptions(options)).toEqual({ options: JSON.stringify(options), moreOptions: undefined });
    }
  });

  it('hold nothing in the first field that release 0.1.0 does not know, and are read as they were given', () => {
    const values = {
      profile: ['fast', 'balanced'],
      max_faces: [undefined, 5],
      min_confidence: [undefined, 0.3],
      min_face_size: [undefined, 20],
      landmarks: [true, false, 'refined'],
      attributes: [true, false],
      rotate: [undefined, 'none', 'auto'],
      detail: [undefined, true],
    } satisfies { [Name in keyof Required<CallerOptions>]: CallerOptions[Name][] };
    for (const row of pairwise<CallerOptions>(values)) {
      const options = DetectionOptions.parse(row);
      const stored = storedOptions(options);
      for (const [name, value] of Object.entries(JSON.parse(stored.options))) {
        if (NUMBERS.includes(name)) expect(value).toEqual(expect.any(Number));
        else expect(OF_0_1_0[name as keyof typeof OF_0_1_0], name).toContain(value);
      }
      expect(optionsFrom(stored.options, stored.moreOptions)).toEqual(JSON.parse(JSON.stringify(options)));
    }
  });

  it('give older releases plain landmarks for refined ones', () => {
    const refined = { ...DEFAULT_DETECTION_OPTIONS, landmarks: 'refined' } as const;
    const { options, moreOptions } = storedOptions(refined);
    expect(JSON.parse(options)).toEqual(DEFAULT_DETECTION_OPTIONS);
    expect(moreOptions).toBe('{"landmarks":"refined"}');
  });

  it('give older releases the largest face size that they read for a larger one', () => {
    const { options, moreOptions } = storedOptions({ ...DEFAULT_DETECTION_OPTIONS, min_face_size: 5000 });
    expect(JSON.parse(options)).toEqual({ ...DEFAULT_DETECTION_OPTIONS, min_face_size: 4096 });
    expect(optionsFrom(options, moreOptions)).toEqual({ ...DEFAULT_DETECTION_OPTIONS, min_face_size: 5000 });
  });

  it('give older releases no direction of the picture, which they would refuse', () => {
    const { options, moreOptions } = storedOptions({ ...DEFAULT_DETECTION_OPTIONS, rotate: 'auto' });
    expect(JSON.parse(options)).toEqual(DEFAULT_DETECTION_OPTIONS);
    expect(moreOptions).toBe('{"rotate":"auto"}');
  });

  it.each([undefined, null, ''])('without more options (%j) are those of the first field', (none) => {
    expect(optionsFrom(JSON.stringify(DEFAULT_DETECTION_OPTIONS), none)).toEqual(DEFAULT_DETECTION_OPTIONS);
  });
});
