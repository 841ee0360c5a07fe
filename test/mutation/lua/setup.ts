/** A setup file of vitest: finds out which probes each test passes. */
import { appendFileSync } from 'node:fs';
import { afterAll, afterEach, beforeEach, inject } from 'vitest';
import { FOLDER, ProbeReader } from './probes.ts';

declare module 'vitest' {
  interface ProvidedContext {
    probing: boolean;
  }
}

/** A line of the file in which the passed probes are written down. */
export interface PassedLine {
  file: string;
  /** Full name of the test. */
  test: string;
  /** A set, as it is printed. */
  probes: number[];
}

export const PASSED_FILE = `${FOLDER}/passed.ndjson`;

if (inject('probing')) {
  const reader = new ProbeReader();
  const shared = new Set<number>();
  const passed = new Map<string, Set<number>>();
  // What an earlier file left in its logs is nobody's.
  reader.passed();
  beforeEach(() => {
    for (const id of reader.passed()) shared.add(id);
  });
  afterEach(({ task }) => {
    passed.set(task.fullTestName, reader.passed());
  });
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures the hook needs
  afterAll(({}, file) => {
    for (const id of reader.passed()) shared.add(id);
    const { filepath } = file as unknown as { filepath: string };
    for (const [test, own] of passed) {
      const line: PassedLine = { file: filepath, test, probes: [...own.union(shared)] };
      appendFileSync(PASSED_FILE, `${JSON.stringify(line)}\n`);
    }
  });
}
