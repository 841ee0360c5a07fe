/** A reporter for Stryker that prints each mutant that no test killed as soon as that is known: a run takes an hour, a test for it can be written meanwhile. */
import { relative } from 'node:path';
import type { SampledMutant } from './sampler.ts';

const ALIVE: readonly string[] = ['Survived', 'NoCoverage'];

class Survivors {
  onMutantTested({ fileName, location, replacement, status }: SampledMutant & { status: string }): void {
    if (!ALIVE.includes(status)) return;
    const { line, column } = location.start;
    console.log(`alive: ${relative(process.cwd(), fileName)}:${line}:${column} → ${replacement}`);
  }
}

export const strykerPlugins = [
  { kind: 'Reporter', name: 'survivors', factory: Object.assign(() => new Survivors(), { inject: [] }) },
];
