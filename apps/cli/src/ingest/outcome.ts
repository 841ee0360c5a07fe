import type { ItemLine } from '@facequeue/client';
import { type ErrorCode, toProblem } from '@facequeue/schema';

/** How an image ended: a line of results, without what counts only as long as its batch is there. */
export type Outcome = Omit<ItemLine, 'cursor' | 'line'>;

/** What is known of an image whose end stands in a file of results. */
export interface Known {
  id: string;
  status: string;
}

export function outcomeOf({ cursor, line, ...outcome }: ItemLine): Outcome {
  return outcome;
}

/** How an image ended that could not be sent. */
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

/** How outcomes are written, and read again. */
export interface Format {
  /** What a file begins with, its ends of lines included. */
  readonly header: string;
  /** One or more whole lines. */
  text(outcome: Outcome): string;
  reader(): OutcomeReader;
  /** Whether a file's first bytes, which have no end of line yet, may be the beginning of one of ours. */
  mayBegin(text: string): boolean;
}

/** Reads what is behind the header of a file. */
export interface OutcomeReader {
  /**
   * @param line without its end
   * @returns the outcome that it completes, or null
   * @throws SyntaxError for what `text` does not write
   */
  push(line: string): Known | null;
}
