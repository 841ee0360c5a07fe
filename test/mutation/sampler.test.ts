import { expect, it, vi } from 'vitest';
import { drawn, type SampledMutant, strykerPlugins } from './sampler.ts';

const mutants = Array.from(
  { length: 40 },
  (_, index): SampledMutant => ({
    id: `${index}`,
    fileName: `${process.cwd()}/a.ts`,
    location: { start: { line: index, column: 1 }, end: { line: index, column: 9 } },
    replacement: 'false',
  }),
);

it('draws the same mutants for a seed whatever their order, and others for another seed', () => {
  const sample = drawn(mutants, { size: 10, seed: 1 });
  expect(sample.size).toBe(10);
  expect(drawn(mutants.toReversed(), { size: 10, seed: 1 })).toEqual(sample);
  expect(drawn(mutants, { size: 10, seed: 2 })).not.toEqual(sample);
});

it('draws all of a few', () => {
  expect(drawn(mutants.slice(0, 3), { size: 10, seed: 1 })).toEqual(new Set(['0', '1', '2']));
});

it('lets Stryker judge only what is drawn', async () => {
  vi.stubEnv('MUTATION_SAMPLE', JSON.stringify({ size: 10, seed: 1 }));
  const checker = strykerPlugins[0]!.factory();
  const groups = await checker.group(mutants);
  const results = Object.assign({}, ...(await Promise.all(groups.map(() => checker.check(mutants)))));
  const passed = Object.keys(results).filter((id) => results[id].status === 'passed');
  expect(new Set(passed)).toEqual(drawn(mutants, { size: 10, seed: 1 }));
  vi.unstubAllEnvs();
});
