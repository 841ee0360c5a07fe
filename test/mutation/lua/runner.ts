/** A process that runs tests again and again with one warm vitest: the copy's process, told over IPC which tests. */
import { join } from 'node:path';
import { createVitest, type TestSpecification } from 'vitest/node';

/** Test files, in the order in which they run, with the full names of the tests; null for all. */
export type Chosen = { file: string; tests: string[] | null }[];

export interface Outcome {
  passed: { file: string; test: string; ms: number }[];
  failed: { file: string; test: string; message: string }[];
}

const probing = process.argv[2] === 'probing';
const positions = new Map<string, number>();

class GivenSequencer {
  sort(files: TestSpecification[]): TestSpecification[] {
    return files.toSorted((a, b) => positions.get(a.moduleId)! - positions.get(b.moduleId)!);
  }
  shard(files: TestSpecification[]): TestSpecification[] {
    return files;
  }
}

const vitest = await createVitest('test', {
  config: 'test/mutation/lua/vitest.config.ts',
  watch: false,
  bail: probing ? 0 : 1,
  maxWorkers: 1,
  reporters: [{}],
  sequence: { sequencer: GivenSequencer as never },
});
const project = vitest.projects[0]!;
vitest.provide('probing', probing);

async function run(chosen: Chosen): Promise<Outcome> {
  const specifications = chosen.map(({ file, tests }, i) => {
    const path = join(process.cwd(), file);
    positions.set(path, i);
    return project.createSpecification(path, tests ? { testNamePattern: exactly(tests) } : undefined);
  });
  vitest.state.filesMap.clear();
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications);
  const passed: Outcome['passed'] = [];
  const failed: Outcome['failed'] = unhandledErrors.map((error) => ({ file: '', test: '', message: String(error) }));
  for (const module of testModules) {
    const file = module.relativeModuleId;
    for (const { message } of module.errors()) failed.push({ file, test: '', message });
    for (const suite of module.children.allSuites())
      for (const { message } of suite.errors()) failed.push({ file, test: suite.fullName, message });
    for (const test of module.children.allTests()) {
      const { state, errors } = test.result();
      if (state === 'passed') passed.push({ file, test: test.fullName, ms: test.diagnostic()?.duration ?? 0 });
      if (state === 'failed') failed.push({ file, test: test.fullName, message: errors?.[0]?.message ?? '' });
    }
  }
  return { passed, failed };
}

const exactly = (names: string[]) =>
  new RegExp(`^(?:${names.map((name) => name.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')})$`);

process.on('message', async (chosen: Chosen) => {
  process.send!(await run(chosen));
});
process.on('disconnect', () => process.exit());
process.send!('ready');
