/** Our pipeline in a bare loop: all that an engine does, without the engine's channel. */
import { createPipeline } from '@facequeue/pipeline';
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { serveLoop } from './serve-loop.ts';

const packPath = process.argv[2];
const pipeline = await createPipeline({ device: 'cpu', ...(packPath !== undefined && { packPath }) });
await pipeline.warm();
serveLoop(async (bytes) => {
  const run = () => pipeline.detect(bytes, DEFAULT_DETECTION_OPTIONS);
  const { faces } = await run();
  return { boxes: faces.map(({ box }) => box), run };
});
