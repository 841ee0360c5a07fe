/**
 * A checker for Stryker that keeps a random sample of the mutants (MUTATION_SAMPLE). Of the others it says that they do not compile, so
 * that Stryker does not run them and the report leaves them out.
 */
import { createHash } from 'node:crypto';
import { relative } from 'node:path';

/** As much of a mutant of Stryker as is looked at. */
export interface SampledMutant {
  id: string;
  /** In the folder of the process. */
  fileName: string;
  location: { start: { line: number; column: number }; end: { line: number; column: number } };
  replacement: string;
}

export interface Sample {
  size: number;
  seed: number;
}

/** @returns the ids of the drawn mutants: for the same seed the same, whatever the order of `mutants` */
export function drawn(mutants: readonly SampledMutant[], { size, seed }: Sample): Set<string> {
  const rank = ({ fileName, location: { start, end }, replacement }: SampledMutant) =>
    createHash('sha1')
      .update(JSON.stringify([seed, relative(process.cwd(), fileName), start, end, replacement]))
      .digest('hex');
  const ranked = mutants.map((mutant) => ({ id: mutant.id, rank: rank(mutant) }));
  return new Set(
    ranked
      .toSorted((a, b) => (a.rank < b.rank ? -1 : 1))
      .slice(0, size)
      .map(({ id }) => id),
  );
}

class Sampler {
  readonly #sample = JSON.parse(process.env['MUTATION_SAMPLE']!) as Sample;
  #drawn = new Set<string>();

  async init(): Promise<void> {}

  /** Stryker asks it once, with all mutants. */
  async group(mutants: SampledMutant[]): Promise<string[][]> {
    this.#drawn = drawn(mutants, this.#sample);
    return [mutants.map(({ id }) => id)];
  }

  async check(mutants: SampledMutant[]): Promise<Record<string, { status: string; reason?: string }>> {
    return Object.fromEntries(
      mutants.map(({ id }) => [
        id,
        this.#drawn.has(id) ? { status: 'passed' } : { status: 'compileError', reason: 'not drawn' },
      ]),
    );
  }
}

export const strykerPlugins = [
  { kind: 'Checker', name: 'sampler', factory: Object.assign(() => new Sampler(), { inject: [] }) },
];
