/** What can be evaluated, in one form, of which detection, landmarks, and age and gender are the three kinds. */
import type { DetectionOptions } from '@facequeue/schema';
import type { Picture } from '../page/picture.ts';
import type { Answer } from './detector.ts';

/** An image with its ground truth. */
export interface Labelled {
  /** Path relative to the folder of images. */
  file: string;
  /** Size that the ground truth was made for, px, where it names one. */
  size?: { width: number; height: number };
}

/** An image that was evaluated. */
export interface Evaluated<T extends Labelled> {
  image: T;
  answer: Answer;
}

/** The figures of a run. */
export interface Report {
  /** For `--json`. */
  json: object;
  /** For people; ends with a newline. */
  text: string;
}

/** Least confidence that a call may ask for: a curve begins there. */
export const LEAST_CONFIDENCE = 0.1;

export interface Subject<T extends Labelled> {
  /** In the heading. */
  readonly title: string;
  /** Where the ground truth is. */
  readonly source: string;
  readonly images: readonly T[];
  /** The options with which faces are asked for. */
  readonly options: DetectionOptions;
  report(evaluated: readonly Evaluated<T>[]): Report;
  /** Columns of the CSV after the file and the time, and their values. */
  readonly columns: readonly string[];
  row(evaluated: Evaluated<T>): (string | number | null)[];
  /** How bad the answer for an image is; images of 0 are not on the page. */
  badness(evaluated: Evaluated<T>): number;
  /** What the page shows of it. */
  picture(evaluated: Evaluated<T>): Picture;
}
