/** What is measured: pictures as raw bytes, and one picture in every form. */
import { FORMS, type Form } from './forms.ts';
import { PICTURES, type PictureName, USUAL } from './pictures.ts';

export interface Case {
  name: string;
  picture: PictureName;
  form: Form;
}

export const CASES: readonly Case[] = [
  ...PICTURES.map((picture): Case => ({ name: picture, picture, form: 'raw' })),
  ...FORMS.filter((form) => form !== 'raw').map((form): Case => ({ name: form, picture: USUAL, form })),
];

/** The numbers of callers for a case: all of them for the usual picture, one number for the others. */
export function callersOf({ name }: Case, all: readonly number[]): readonly number[] {
  return name === USUAL ? all : [all.includes(USUAL_CALLERS) ? USUAL_CALLERS : Math.max(...all)];
}

/** Callers with which cases are compared. */
export const USUAL_CALLERS = 8;
