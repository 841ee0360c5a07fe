/** The engine process: image bytes in, faces out, and nothing else. Started by the worker, never by hand. */
import { createPipeline, type PipelineOptions, renderResult } from '@facequeue/pipeline';
import { encodeDetails, encodeResult } from '@facequeue/schema/result-codec';
import { serveParent } from './child.ts';

/** An image with more pixels needs much memory, so what earlier images left is collected before it is decoded. */
const LARGE_PIXELS = 16e6;

serveParent(async (settings) => {
  const pipeline = await createPipeline(settings as PipelineOptions);
  await pipeline.warm();
  return {
    facts: { device: pipeline.device, models: pipeline.model },
    async detect({ bytes, options }, report) {
      const detection = await pipeline.detect(bytes, options, {
        ...report,
        pixels(count) {
          report.pixels(count);
          // Decoded pixels lie outside the heap, where they may stay for long after their last use.
          if (count > LARGE_PIXELS) globalThis.gc?.();
        },
      });
      const { image, timings } = detection;
      const result = renderResult(detection);
      return { result: encodeResult(result), details: encodeDetails(result), image, timings: { ...timings } };
    },
  };
});
