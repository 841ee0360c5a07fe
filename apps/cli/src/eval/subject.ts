/** What can be evaluated, in one form: detection, landmarks, and age and gender fill it in. */
import type { DetectionOptions } from '@facequeue/schema';
import type { Answer } from './detector.ts';
import type { Picture } from './page-picture.ts';

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

export interface Subject<T extends Labelled> {
  /** In the heading. */
  readonly title: string;
  /** Where the ground truth is. */
  readonly source: string;
  readonly images: readonly T[];
  /** What an answer must have. */
  readonly options: DetectionOptions;
  report(evaluated: readonly Evaluated<T>[]): Report;
  /** Columns of the CSV after the file and the time, and their values. */
  readonly columns: readonly string[];
  row(evaluated: Evaluated<T>): (string | number | null)[];
  /** How bad an image is; those of 0 are not on the page. */
  badness(evaluated: Evaluated<T>): number;
  /** What the page shows of it. */
  picture(evaluated: Evaluated<T>): Picture;
}
