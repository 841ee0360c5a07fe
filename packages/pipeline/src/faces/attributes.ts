import type { Session } from '../device/session.ts';
import type { AttributeCrop } from '../pack/manifest.ts';
import type { Pixels } from '../pixels/index.ts';
import type { Crop } from './crop.ts';
import { runOnCrops } from './run-on-crops.ts';

export interface Attributes {
  /** Probability, 0..1. */
  male: number;
  /** Years. */
  age: number;
}

/** Faces of a run on the CPU, with mirror images twice as many rows. Runs of eight take 80 MB more, and no less CPU time. */
const FACES_PER_RUN = 2;

/** Gender and age of every crop, averaged with those of its mirror image if the pack says so. */
export async function findAttributes(
  session: Session,
  image: Pixels,
  crops: readonly Crop[],
  rule: AttributeCrop,
): Promise<Attributes[]> {
  const views = rule.mirror ? 2 : 1;
  const found: Attributes[] = [];
  const perRun = Math.max(FACES_PER_RUN, Math.floor((session.fullBatch ?? 0) / views));
  const run = { size: rule.size, perRun, mirrored: rule.mirror };
  for await (const { crops: some, output } of runOnCrops(session, image, crops, run)) {
    const male = output['male']!.data as Float32Array;
    const age = output['age']!.data as Float32Array;
    some.forEach((_, i) => {
      found.push({ male: mean(male, i * views, views), age: mean(age, i * views, views) });
    });
  }
  return found;
}

function mean(values: Float32Array, start: number, count: number): number {
  let sum = 0;
  for (let i = start; i < start + count; i++) sum += values[i]!;
  return sum / count;
}
