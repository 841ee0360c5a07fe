/** Where a command writes. */
export interface Output {
  /** Writes text to standard output: results. */
  stdout(text: string): void;
  /** Writes a line to standard error: everything that is not a result. */
  stderr(line: string): void;
}
