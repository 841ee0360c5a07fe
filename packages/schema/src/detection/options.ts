/**
 * The one table of detection options. Everything else about them is derived from it: query strings, JSON bodies of batches,
 * the OpenAPI document, the client's types, and flags and help of the command line.
 *
 * To add an option: add a row here, and read it in packages/pipeline. An option that release 0.1.0 does not know has no default in its
 * `json` form, so that options without it, and the fingerprints of calls, stay as they are; and `before` in its row
 * says what workers of that release get instead (`before: () => undefined`: nothing). stored-options.ts keeps the new values apart.
 */
import { z } from 'zod';
import {
  addition,
  choice,
  choiceOfLater,
  type DetectionOption,
  decimal,
  type FlagForm,
  integer,
  part,
  variedPart,
} from './option-kinds.ts';

/** Detection profiles, cheapest first: one pass, at most three, at most four (models/README.md has their figures). */
export const PROFILES = ['fast', 'balanced', 'small-faces'] as const;
export type Profile = (typeof PROFILES)[number];

/**
 * Faces in an answer when a call does not say how many. Options are stored without it: a release that knows no such limit
 * sets none, and the fingerprint of a call stays the same.
 */
export const DEFAULT_MAX_FACES = 1000;
/** The most that a call may ask for. */
export const LARGEST_MAX_FACES = 10_000;

/** The longest side that an operator may admit (`MAX_IMAGE_SIDE`), px. */
const LARGEST_MIN_FACE_SIZE = 16_384;
/** The largest `min_face_size` that release 0.1.0 reads: it accepts no image with a longer side. */
const MIN_FACE_SIZE_OF_0_1_0 = 4096;

const TABLE = {
  profile: choice(PROFILES, 'balanced', {
    description: 'Cheapest first; balanced when absent.',
    help: `${PROFILES.join(', ')}; default balanced`,
  }),
  max_faces: integer({
    min: 1,
    max: LARGEST_MAX_FACES,
    description: `At most this many faces, those with the highest Confidence; ${DEFAULT_MAX_FACES} when absent. X-Faces-Left-Out and the job's image say how many more were found.`,
    value: 'N',
    help: `at most N faces, those with the highest confidence; default ${DEFAULT_MAX_FACES}`,
  }),
  min_confidence: decimal({
    min: 0.1,
    max: 1,
    description: 'Only faces of at least this Confidence.',
    value: 'N',
    help: 'only faces of at least this confidence, 0.1 to 1',
  }),
  min_face_size: {
    ...decimal({
      min: 0,
      max: LARGEST_MIN_FACE_SIZE,
      description:
        'Only faces of at least this many pixels of the image as it was sent: the square root of the box area. Larger values save work.',
      value: 'PX',
      help: 'only faces of at least PX pixels: square root of width x height',
    }),
    before: (value: unknown) => (typeof value === 'number' ? Math.min(value, MIN_FACE_SIZE_OF_0_1_0) : value),
  },
  landmarks: variedPart('refined', {
    description:
      'false omits landmark_106; refined: the mean of two models, more exact for half as much time again per face. A model pack without one refuses it (invalid_request).',
    help: 'without the 106 points',
    variantHelp: 'true, false, or refined: more exact points, for half as much time again per face',
  }),
  attributes: part({ description: 'false omits gender and age.', help: 'without gender and age' }),
  rotate: choiceOfLater(['none', 'auto'], {
    description:
      'auto: when no face stands out, also search at 90, 180 and 270 degrees, and turn the image if one of them clearly has faces. none when absent.',
    help: 'none or auto: also find faces in images that lie on their side or stand on their head; default none',
  }),
  detail: addition({
    description:
      'true adds to each face points_5, presence, male, pose and quality, and to the answer what was searched: see Face and Searched.',
    help: 'with pose, quality and five points of each face, and what was searched',
  }),
} satisfies Record<string, DetectionOption>;

type Table = typeof TABLE;
export type DetectionOptionName = keyof Table;

/** One form of every row, by name of the option. */
function column<Form extends 'json' | 'query'>(form: Form) {
  const entries = Object.entries(TABLE).map(([name, row]) => [name, row[form]]);
  return Object.fromEntries(entries) as { [Name in DetectionOptionName]: Table[Name][Form] };
}

/** The options as members of a JSON object. */
const jsonFields = column('json');

/** The options as fields of a query string, for routes to spread into their own schema. */
export const detectionQueryFields = column('query');

/** The detection options of a call. Job records and engine messages carry them. */
export const DetectionOptions = z.strictObject({
  ...jsonFields,
  /** Whether EXIF orientation is applied. Callers cannot set it; COMPAT=aws switches it off, since the reference service ignores orientation. */
  orient: z.boolean().default(true),
});
export type DetectionOptions = z.infer<typeof DetectionOptions>;

export const DEFAULT_DETECTION_OPTIONS: DetectionOptions = DetectionOptions.parse({});

/** The options a caller may give, each of them optional. */
export type CallerOptions = Partial<Omit<DetectionOptions, 'orient'>>;

/** A detection option on the command line. */
export interface DetectionFlag extends FlagForm {
  option: DetectionOptionName;
  /** Without dashes, as it is typed: `max-faces`, `no-landmarks`. Some options have two flags. */
  name: string;
}

/**
 * The options as flags of the command line, in the order of the help.
 * @example
 * const given = DETECTION_FLAGS.filter(({ name }) => name in values);
 * DetectionOptions.parse(Object.fromEntries(given.map(({ option, name, parse }) => [option, parse(values[name])])));
 */
export const DETECTION_FLAGS: readonly DetectionFlag[] = Object.entries(TABLE).flatMap(
  ([option, { flags }]: [string, DetectionOption]) =>
    flags.map((flag) => ({
      ...flag,
      option: option as DetectionOptionName,
      name: `${flag.negated ? 'no-' : ''}${option.replaceAll('_', '-')}`,
    })),
);

/** What a release that does not know an option's value is given in its place; see `DetectionOption.before`. */
export function olderValue(option: string, value: unknown): unknown {
  const row: DetectionOption | undefined = (TABLE as Record<string, DetectionOption>)[option];
  return row?.before ? row.before(value) : value;
}
