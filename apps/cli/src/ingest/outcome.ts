import type { ItemLine } from '@facequeue/client';
import { type ErrorCode, toProblem } from '@facequeue/schema';

/** How an image ended: a line of a batch's results without the members that only make sense in that batch. */
export type Outcome = Omit<ItemLine, 'cursor' | 'line'>;

/** What a results file tells of an image. */
export interface RecordedOutcome {
  id: string;
  status: string;
}

export function outcomeOf({ cursor, line, ...outcome }: ItemLine): Outcome {
  return outcome;
}

/** The outcome of an image that could not be sent. */
export function unsent(id: string, code: ErrorCode, detail: string, now: Date): Outcome {
  return {
    id,
    status: 'failed',
    finished_at: now.toISOString(),
    attempts: 0,
    image: null,
    result: null,
    error: toProblem(code, detail),
    timings: {},
  };
}

/** Writes outcomes as text and reads them back. */
export interface Format {
  /** First lines of a file, with their ends. */
  readonly header: string;
  /** An outcome as one or more whole lines. */
  text(outcome: Outcome): string;
  reader(): OutcomeReader;
  /** Whether the first bytes of a file, without an end of line so far, may be the start of this format. */
  mayBegin(text: string): boolean;
}

/** Reads the lines after the header of a file. */
export interface OutcomeReader {
  /**
   * @param line without its end
   * @returns the outcome that this line completes, or null
   * @throws SyntaxError for a line that `text` does not write
   */
  push(line: string): RecordedOutcome | null;
}
