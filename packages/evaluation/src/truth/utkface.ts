/** The names of UTKFace's files: `[age]_[gender]_[race]_[date and time].jpg`, also with `.chip` before the suffix. */

/** Origins as UTKFace numbers them. */
export const ORIGINS = ['white', 'black', 'asian', 'indian', 'other'] as const;
export type Origin = (typeof ORIGINS)[number];

export interface TruthPerson {
  /** Years. */
  age: number;
  gender: 'male' | 'female';
  origin: Origin;
}

/**
 * Age, gender and origin from the name of a file.
 * @param name without a folder
 * @returns null for a name of another form; three of UTKFace's own lack a part
 */
export function parseUtkFaceName(name: string): TruthPerson | null {
  const [, age, gender, origin] = /^(\d{1,3})_([01])_([0-4])_\d+\b.*\.\w+$/.exec(name) ?? [];
  if (age === undefined || Number(age) > 120) return null;
  return { age: Number(age), gender: gender === '0' ? 'male' : 'female', origin: ORIGINS[Number(origin)]! };
}
