/** The engine process: image bytes in, faces out, and nothing else. Started by the worker, never by hand. */
import { createPipeline, type PipelineOptions, renderResult } from '@facequeue/pipeline';
import { encodeResult } from '@facequeue/schema/result-codec';
import { serveParent } from './child.ts';

serveParent(async (settings) => {
  const pipeline = await createPipeline(settings as PipelineOptions);
  await pipeline.warm();
  return {
    facts: { device: pipeline.device, reason: pipeline.deviceReason, models: pipeline.model },
    async detect({ bytes, options }, onFaces) {
      const detection = await pipeline.detect(bytes, options, onFaces);
      const { image, timings } = detection;
      return { result: encodeResult(renderResult(detection)), image, timings: { ...timings } };
    },
  };
});
