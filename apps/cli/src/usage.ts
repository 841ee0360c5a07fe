/** The command line is wrong in a way that only its command can tell; exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
