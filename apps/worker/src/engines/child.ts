/** The engine's side of the conversation with the worker parent: one image at a time, until the parent goes away. */
import { flushCompileCache } from 'node:module';
import { isFacequeueError } from '@facequeue/schema';
import type { EngineAnswer, EngineFacts, EngineImage, FromEngine, ToEngine } from './messages.ts';

/** What an engine can do once it is loaded and warm. */
export interface Detector {
  readonly facts: EngineFacts;
  /** @throws FacequeueError for what is wrong with the image; anything else counts as the engine's own fault */
  detect(image: EngineImage): Promise<EngineAnswer>;
}

/**
 * Answers the parent over the IPC channel of `child_process.fork`.
 * @param load loads and warms the models; what it throws is shown as the reason why the worker cannot start
 */
export function serveParent(load: (settings: unknown) => Promise<Detector>): void {
  // A terminal sends its signals to the whole process group; when to end is the parent's decision alone.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  // At once and without exit handlers: native libraries may hang in theirs, and there is nothing to save.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

  let detector: Detector | undefined;
  process.on('message', async (message: ToEngine) => {
    if (message.type === 'detect') return say(await answer(detector!, message.image));
    try {
      detector = await load(message.settings);
      // Ended by SIGKILL always, so the cache of compiled code would never be written otherwise.
      flushCompileCache();
      say({ type: 'ready', facts: detector.facts });
    } catch (error) {
      say({ type: 'unusable', message: error instanceof Error ? error.message : String(error) });
    }
  });
}

async function answer(detector: Detector, image: EngineImage): Promise<FromEngine> {
  try {
    return { type: 'found', answer: await detector.detect(image), rss: process.memoryUsage.rss() };
  } catch (error) {
    const rss = process.memoryUsage.rss();
    if (isFacequeueError(error)) return { type: 'refused', code: error.code, detail: error.message, rss };
    return { type: 'faulted', stack: error instanceof Error ? (error.stack ?? error.message) : String(error), rss };
  }
}

function say(message: FromEngine): void {
  if (process.connected) process.send!(message);
}
