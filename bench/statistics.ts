/** The value below which a share `p` (0..1) of the samples lies. */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? Number.NaN;
}

export const median = (samples: readonly number[]) => percentile(samples, 0.5);

/**
 * Runs `task` from `lanes` loops at once until `ms` have passed; a run under way then is finished and counted.
 * @returns each run's milliseconds and runs a second over the whole time
 */
export async function load(lanes: number, ms: number, task: () => Promise<unknown>) {
  const samples: number[] = [];
  const start = performance.now();
  const lane = async () => {
    while (performance.now() - start < ms) {
      const began = performance.now();
      await task();
      samples.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { samples, rate: (samples.length / (performance.now() - start)) * 1000 };
}
