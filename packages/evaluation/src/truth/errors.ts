/** Ground truth that cannot be used, and where: its message begins with the line, or the path in a JSON document. */
export class TruthError extends Error {
  override readonly name = 'TruthError';
}

/** @param line counted from 1 */
export function damagedAt(line: number, problem: string): TruthError {
  return new TruthError(`line ${line}: ${problem}`);
}
