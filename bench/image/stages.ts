import { createPipeline, decode, readHeader } from '@facequeue/pipeline';
import type { DetectionOptions, Profile } from '@facequeue/schema';
import { withCpuMs } from '../support/cpu-time.ts';
import { median } from '../support/statistics.ts';

/** CPU-ms (user + system, all threads of this process) of each stage per image. */
export interface StageCost {
  profile: Profile;
  decode: number;
  detect: number;
  landmarks: number;
  attributes: number;
  total: number;
}

/** Before the measurement. */
const WARM_RUNS = 3;

const OPTIONS: DetectionOptions = { profile: 'balanced', landmarks: false, attributes: false, orient: true };

/**
 * Measures the cost of each stage in some profiles. Native threads blur stages that are timed one by one, so whole runs with and
 * without a stage are measured alternately, and their medians subtracted.
 */
export async function stageCosts(
  bytes: Uint8Array,
  profiles: readonly Profile[],
  repeats: number,
  packPath?: string,
): Promise<StageCost[]> {
  await using pipeline = await createPipeline({
    device: 'cpu',
    threads: 1,
    ...(packPath !== undefined && { packPath }),
  });
  await pipeline.warm();
  const limits = { maxSide: 8192, maxPixels: 50e6 };
  const header = readHeader(bytes, limits);
  const costs: StageCost[] = [];
  for (const profile of profiles) {
    const run = (more: Partial<DetectionOptions>) => () => pipeline.detect(bytes, { ...OPTIONS, profile, ...more });
    const variants = {
      decode: () => decode(bytes, header, { orient: true, limits, maxSide: 4096 }),
      base: run({}),
      landmarks: run({ landmarks: true }),
      attributes: run({ attributes: true }),
      total: run({ landmarks: true, attributes: true }),
    };
    const samples = Object.fromEntries(Object.keys(variants).map((name) => [name, [] as number[]]));
    // Warm-up: the first runs compile the loops.
    for (let repeat = -WARM_RUNS; repeat < repeats; repeat++) {
      for (const [name, variant] of Object.entries(variants)) {
        const { cpuMs } = await withCpuMs<unknown>(variant);
        if (repeat >= 0) samples[name]!.push(cpuMs);
      }
    }
    const cost = (name: keyof typeof variants) => median(samples[name]!);
    costs.push({
      profile,
      decode: cost('decode'),
      detect: cost('base') - cost('decode'),
      landmarks: cost('landmarks') - cost('base'),
      attributes: cost('attributes') - cost('base'),
      total: cost('total'),
    });
  }
  return costs;
}
