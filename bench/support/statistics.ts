/** The value below which a share `p` (0..1) of the samples lies. */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? Number.NaN;
}

export const median = (samples: readonly number[]) => percentile(samples, 0.5);

/**
 * Repeats `task` in `lanes` concurrent loops until `ms` have passed. Runs in progress then are finished and counted.
 * @returns the milliseconds of each run, and runs per second over the whole time
 */
export async function load(lanes: number, ms: number, task: () => Promise<unknown>) {
  const samples: number[] = [];
  const start = performance.now();
  const lane = async () => {
    while (performance.now() - start < ms) {
      const taskStart = performance.now();
      await task();
      samples.push(performance.now() - taskStart);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { samples, rate: (samples.length / (performance.now() - start)) * 1000 };
}
