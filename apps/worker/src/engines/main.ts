/** The engine process: image bytes in, faces out, and nothing else. Started by the worker, never by hand. */
import { createPipeline, LARGE_PIXELS, type PipelineOptions, renderResult } from '@facequeue/pipeline';
import { encodeDetails, encodeResult } from '@facequeue/schema/result-codec';
import { serveParent } from './child.ts';

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
          // Decoding it takes much memory, and what earlier images left outside the heap would stay there for long.
          if (count > LARGE_PIXELS) globalThis.gc?.();
        },
      });
      const { image, timings } = detection;
      const result = renderResult(detection);
      return { result: encodeResult(result), details: encodeDetails(result), image, timings: { ...timings } };
    },
  };
});
