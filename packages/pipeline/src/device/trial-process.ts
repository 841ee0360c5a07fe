/** One engine of a device's trial (trial.ts). */
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { createPipeline, type Pipeline } from '../pipeline.ts';
import { DeviceError } from './names.ts';
import { failureText } from './probe.ts';
import type { FromTrial, ToTrial } from './trial.ts';

// Native libraries may hang in their exit handlers.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.on('message', async (message: ToTrial) => {
  const answer = await (message.type === 'open' ? open(message) : run(message)).catch(
    (error: unknown): FromTrial => ({
      type: 'failed',
      reason: error instanceof DeviceError ? error.reason : failureText(error),
    }),
  );
  process.send!(answer);
});

let pipeline: Pipeline;
let pictures: readonly Uint8Array[];

async function open(message: Extract<ToTrial, { type: 'open' }>): Promise<FromTrial> {
  pipeline = await createPipeline({ packPath: message.pack, device: message.device });
  pictures = message.pictures;
  // The first image of each size compiles kernels.
  for (const picture of pictures) await pipeline.detect(picture, DEFAULT_DETECTION_OPTIONS);
  return { type: 'open' };
}

/** Runs all pictures, and goes on until the time is over. */
async function run({ ms, first }: Extract<ToTrial, { type: 'run' }>): Promise<FromTrial> {
  const took = pictures.map(() => ({ images: 0, ms: 0 }));
  const start = performance.now();
  for (let i = 0; i < pictures.length || performance.now() - start < ms; i++) {
    const at = (first + i) % pictures.length;
    const imageStart = performance.now();
    await pipeline.detect(pictures[at]!, DEFAULT_DETECTION_OPTIONS);
    took[at]!.images += 1;
    took[at]!.ms += performance.now() - imageStart;
  }
  // Mean over the pictures, not over the images: the time may be over in the middle of the pictures.
  const means = took.map(({ images, ms }) => ms / images);
  return { type: 'ran', ms: means.reduce((sum, mean) => sum + mean, 0) / means.length };
}
