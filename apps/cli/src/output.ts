/** Where a command writes. */
export interface Output {
  /** Writes text to standard output: results. */
  stdout(text: string): void;
  /** Writes a line to standard error: everything that is not a result. */
  stderr(line: string): void;
}

/** Ends the process when the reader of its standard output has closed the pipe, as `| head` does. */
export function exitWithPipe(): void {
  process.stdout.on('error', () => process.exit(1));
}
