/** One image through two packs. */
import { join } from 'node:path';
import { type Comparison, compareFaces } from '@facequeue/evaluation';
import type { DetectedFace, Pipeline } from '@facequeue/pipeline';
import type { DetectionOptions } from '@facequeue/schema';
import { readImage } from '../detect/read-image.ts';

/** An image through both packs. */
export interface Compared {
  file: string;
  comparison: Comparison<DetectedFace>;
  cost: { before: Cost; after: Cost };
}

/** CPU time of all threads of this process, and time until the answer, ms. */
export interface Cost {
  cpu: number;
  wall: number;
}

/**
 * Runs both packs over one image.
 * @param reversed whether the second pack runs first, so that neither always profits from a warm cache
 */
export async function compareImage(
  file: string,
  [first, second]: readonly [Pipeline, Pipeline],
  { folder, options }: { folder: string; options: DetectionOptions },
  reversed: boolean,
): Promise<Compared> {
  const bytes = await readImage(join(folder, file), Number.POSITIVE_INFINITY);
  const run = async (pipeline: Pipeline) => {
    const [cpu, wall] = [process.cpuUsage(), performance.now()];
    const { faces } = await pipeline.detect(bytes, options);
    const { user, system } = process.cpuUsage(cpu);
    return { faces, cost: { cpu: (user + system) / 1000, wall: performance.now() - wall } };
  };
  const early = await run(reversed ? second : first);
  const late = await run(reversed ? first : second);
  const [before, after] = reversed ? [late, early] : [early, late];
  const comparison = compareFaces(before.faces, after.faces);
  return { file, comparison, cost: { before: before.cost, after: after.cost } };
}
