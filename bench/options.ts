/**
 * A number given on the command line.
 * @throws saying what was expected
 */
export function numberOption(name: string, text: string, least = 1): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= least) return value;
  throw new Error(`--${name} is ${text}; expected a number of at least ${least}`);
}
