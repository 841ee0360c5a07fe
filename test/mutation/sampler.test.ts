import { expect, it, vi } from 'vitest';
import { drawn } from './sample.ts';
import { keyOf, type SampledMutant, strykerPlugins } from './sampler.ts';

const mutants = Array.from(
  { length: 40 },
  (_, index): SampledMutant => ({
    id: `${index}`,
    fileName: `${process.cwd()}/a.ts`,
    location: { start: { line: index, column: 1 }, end: { line: index, column: 9 } },
    replacement: 'false',
  }),
);

it('lets Stryker judge only what is drawn', async () => {
  vi.stubEnv('MUTATION_SAMPLE', JSON.stringify({ size: 10, seed: 1 }));
  const judged = async (of: SampledMutant[]) => {
    const checker = strykerPlugins[0]!.factory();
    const groups = await checker.group(of);
    const results = Object.assign({}, ...(await Promise.all(groups.map(() => checker.check(of)))));
    return new Set(Object.keys(results).filter((id) => results[id].status === 'passed'));
  };
  const chosen = await judged(mutants);
  expect(chosen).toEqual(new Set([...drawn(mutants, keyOf, { size: 10, seed: 1 })].map(({ id }) => id)));
  expect(chosen.size).toBe(10);
  expect(await judged(mutants.toReversed())).toEqual(chosen);
  vi.unstubAllEnvs();
});
