/** What an image costs with the passes of the pack, and with those of release 0.1.0, alternately in one run. */
import { createPipeline } from '@facequeue/pipeline';
import type { CallerOptions, Profile } from '@facequeue/schema';
import { withCpuMs } from '../support/cpu-time.ts';
import { earlierPack } from '../support/earlier-pack.ts';
import { median } from '../support/statistics.ts';

export interface PassCost {
  /** CPU-ms, decoding included. */
  earlier: number;
  now: number;
}

/** The pack with the passes of 0.1.0 and the pack itself, opened. */
export interface PassesToCompare extends AsyncDisposable {
  /** The mean over the pictures of each picture's median cost over the repeats. */
  cost(pictures: readonly Uint8Array[], profile: Profile, repeats: number, options?: CallerOptions): Promise<PassCost>;
}

/** Opens both packs. */
export async function openPasses(): Promise<PassesToCompare> {
  const pack = await earlierPack();
  const earlier = await createPipeline({ device: 'cpu', packPath: pack.path });
  const now = await createPipeline({ device: 'cpu' });
  for (const pipeline of [earlier, now]) await pipeline.warm();
  return {
    async cost(pictures, profile, repeats, more = {}) {
      const options = { profile, landmarks: true, attributes: true, orient: true, ...more };
      const sum = { earlier: 0, now: 0 };
      for (const bytes of pictures) {
        const used: Record<keyof PassCost, number[]> = { earlier: [], now: [] };
        for (let repeat = -1; repeat < repeats; repeat++) {
          const { cpuMs: earlierMs } = await withCpuMs(() => earlier.detect(bytes, options));
          const { cpuMs: nowMs } = await withCpuMs(() => now.detect(bytes, options));
          if (repeat < 0) continue;
          used.earlier.push(earlierMs);
          used.now.push(nowMs);
        }
        sum.earlier += median(used.earlier) / pictures.length;
        sum.now += median(used.now) / pictures.length;
      }
      return sum;
    },
    async [Symbol.asyncDispose]() {
      await earlier.close();
      await now.close();
      await pack[Symbol.asyncDispose]();
    },
  };
}
