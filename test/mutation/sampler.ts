/**
 * A checker for Stryker that keeps a random sample of the mutants (MUTATION_SAMPLE). Of the others it says that they do not compile, so
 * that Stryker does not run them and the report leaves them out.
 */
import { relative } from 'node:path';
import { drawn, type Sample } from './sample.ts';

/** As much of a mutant of Stryker as is looked at. */
export interface SampledMutant {
  id: string;
  /** In the folder of the process. */
  fileName: string;
  location: { start: { line: number; column: number }; end: { line: number; column: number } };
  replacement: string;
}

/** Tells a mutant from all others, in whichever copy of the repository it is. */
export const keyOf = ({ fileName, location: { start, end }, replacement }: SampledMutant) =>
  JSON.stringify([relative(process.cwd(), fileName), start, end, replacement]);

class Sampler {
  readonly #sample = JSON.parse(process.env['MUTATION_SAMPLE']!) as Sample;
  #drawn = new Set<string>();

  async init(): Promise<void> {}

  /** Stryker asks it once, with all mutants. */
  async group(mutants: SampledMutant[]): Promise<string[][]> {
    this.#drawn = new Set([...drawn(mutants, keyOf, this.#sample)].map(({ id }) => id));
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
