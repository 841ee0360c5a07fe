/** The images of a run, and the answers to them. */
import { join } from 'node:path';
import { sample } from '@facequeue/evaluation';
import { isFacequeueError } from '@facequeue/schema';
import { readImage } from '../detect/read-image.ts';
import { type Screen, startDisplay } from '../ingest/display.ts';
import type { Interruption } from '../interruption.ts';
import { concurrentMap } from '../jobs/concurrent-map.ts';
import type { Output } from '../output.ts';
import type { Detector } from './detector.ts';
import type { EvalCall, Selection } from './options.ts';
import type { Evaluated, Labelled, Subject } from './subject.ts';

/** An image that could not be evaluated. */
export interface Failure {
  file: string;
  message: string;
}

/** What a run needs beside its subject. */
export interface RunContext {
  call: EvalCall;
  /** Folder of the images. */
  folder: string;
  detector: Detector;
  interruption: Pick<Interruption, 'stop' | 'cut'>;
  output: Output;
  screen: Screen;
}

/** The images that a selection takes, in their sequence. */
export function selected<T extends { file: string }>(
  images: readonly T[],
  { limit, sample: count, seed }: Selection,
): T[] {
  if (count !== undefined) return sample(images, count, seed, ({ file }) => file);
  return images.slice(0, limit);
}

/** Detects the faces of every image, several at a time, until all are done or Ctrl-C. */
export async function answersOf<T extends Labelled>(
  subject: Subject<T>,
  images: readonly T[],
  { call, folder, detector, interruption: { stop, cut }, screen }: RunContext,
) {
  const evaluated: Evaluated<T>[] = [];
  const failures: Failure[] = [];
  let done = 0;
  using _ = startDisplay(
    screen.isTTY ? 'bar' : 'lines',
    () => ({ done, failed: failures.length, total: images.length }),
    screen,
  );
  const answer = async (image: T): Promise<Evaluated<T> | Failure | null> => {
    try {
      const bytes = await readImage(join(folder, image.file), Number.POSITIVE_INFINITY);
      const answer = await detector.detect(bytes, subject.options, cut);
      done += 1;
      return sizeDiffers(image, answer) ?? { image, answer };
    } catch (error) {
      if (cut.aborted && error === cut.reason) return null;
      if (!isFacequeueError(error)) throw error;
      done += 1;
      return { file: image.file, message: error.message };
    }
  };
  const started = await concurrentMap(images, call.concurrency, stop, answer, (result) => {
    if (result && 'message' in result) failures.push(result);
    else if (result) evaluated.push(result);
  });
  return { evaluated, failures, started };
}

/** The failure of an image whose size is not that of the ground truth: its boxes lie elsewhere. Null where the sizes agree. */
function sizeDiffers({ file, size }: Labelled, { width, height }: { width: number; height: number }): Failure | null {
  if (!size || (size.width === width && size.height === height)) return null;
  return {
    file,
    message: `the image has ${width} x ${height} px, the ground truth is for ${size.width} x ${size.height}`,
  };
}
