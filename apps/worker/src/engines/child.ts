/** The engine's side of the IPC channel to the worker: one image at a time, until the worker disconnects. */
import { flushCompileCache } from 'node:module';
import type { WorkReport } from '@facequeue/pipeline';
import { isFacequeueError } from '@facequeue/schema';
import { readImage } from './image-pipe.ts';
import type { EngineAnswer, EngineFacts, EngineImage, FromEngine, ToEngine } from './messages.ts';

/** A loaded and warm detector. */
export interface Detector {
  readonly facts: EngineFacts;
  /**
   * @param report called with the number of pixels before the image is decoded, and with the number of faces before the first is
   *   described: the worker extends the time limit by both
   * @throws FacequeueError when the image is at fault; any other error is the engine's own fault
   */
  detect(image: EngineImage, report: WorkReport): Promise<EngineAnswer>;
}

/**
 * Answers the parent over the IPC channel of `child_process.fork`.
 * @param load loads and warms the models; if it throws, the message is reported as the reason why the worker cannot start
 */
export function serveParent(load: (settings: unknown) => Promise<Detector>): void {
  // A terminal sends its signals to the whole process group. Only the parent decides when an engine ends.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  // SIGKILL, without exit handlers: native libraries may hang in theirs, and there is nothing to save.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

  let detector: Detector | undefined;
  process.on('message', async (message: ToEngine) => {
    if (message.type === 'detect') {
      const { length, options } = message;
      return send(await answer(detector!, { bytes: readImage(length), options }));
    }
    try {
      detector = await load(message.settings);
      // Engines always end by SIGKILL, so Node would never write its cache of compiled code at exit.
      flushCompileCache();
      send({ type: 'ready', facts: detector.facts });
    } catch (error) {
      send({ type: 'unusable', message: error instanceof Error ? error.message : String(error) });
    }
  });
}

async function answer(detector: Detector, image: EngineImage): Promise<FromEngine> {
  try {
    const report: WorkReport = {
      pixels: (count) => send({ type: 'pixels', count }),
      faces: (count) => send({ type: 'faces', count }),
    };
    return { type: 'found', answer: await detector.detect(image, report), rss: process.memoryUsage.rss() };
  } catch (error) {
    const rss = process.memoryUsage.rss();
    if (isFacequeueError(error)) return { type: 'refused', code: error.code, detail: error.message, rss };
    return { type: 'faulted', stack: error instanceof Error ? (error.stack ?? error.message) : String(error), rss };
  }
}

function send(message: FromEngine): void {
  process.send!(message);
}
