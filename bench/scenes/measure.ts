/** Runs the pipeline over scenes, and compares what it finds with what is there. */
import { matchFaces } from '@facequeue/evaluation';
import type { Pipeline } from '@facequeue/pipeline';
import { type CallerOptions, isFacequeueError, LARGEST_MAX_FACES, type Profile } from '@facequeue/schema';
import type { LabelledScene } from '../../test/support/scenes/scenes.ts';
import { withCpuMs } from '../support/cpu-time.ts';

/** How many faces of some scenes were found. */
export interface SceneFigures {
  scenes: number;
  /** Faces in the scenes, those of them that were found, and false faces. */
  faces: number;
  found: number;
  wrong: number;
  /** CPU-ms a scene, of all threads of this process, decoding included. */
  cpuMs: number;
}

/** A face is found by an intersection over union of a half, as in AP@0.5: in a box of a few px each px is a large part of it. */
const RULES = { iou: 0.5, rule: 'free' } as const;

/**
 * Runs the pipeline over scenes and counts what it finds.
 * @returns null when the pipeline refuses pictures of this size
 */
export async function measure(
  pipeline: Pipeline,
  profile: Profile,
  scenes: AsyncIterable<LabelledScene> | Iterable<LabelledScene>,
  more: CallerOptions = {},
): Promise<SceneFigures | null> {
  const options = { profile, landmarks: false, attributes: false, orient: true, max_faces: LARGEST_MAX_FACES, ...more };
  const sum = { scenes: 0, faces: 0, found: 0, wrong: 0, cpuMs: 0 };
  for await (const { bytes, boxes } of scenes) {
    const { result: detection, cpuMs } = await withCpuMs(() =>
      pipeline.detect(bytes, options).catch((error) => {
        if (isFacequeueError(error) && error.code === 'image_too_large') return null;
        throw error;
      }),
    );
    if (!detection) return null;
    const { outcomes, foundBy } = matchFaces(
      detection.faces,
      boxes.map((box) => ({ box })),
      RULES,
    );
    sum.scenes += 1;
    sum.faces += boxes.length;
    sum.found += foundBy.filter((index) => index !== null).length;
    sum.wrong += outcomes.filter((outcome) => outcome === 'false').length;
    sum.cpuMs += cpuMs;
  }
  return { ...sum, cpuMs: sum.cpuMs / sum.scenes };
}
