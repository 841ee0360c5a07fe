import { drawFaces } from '@facequeue/drawing';
import { createPipeline, DeviceError, decodeImage, PackError, type Pipeline, renderResult } from '@facequeue/pipeline';
import { imageLimits } from '@facequeue/pipeline/variables';
import { isFacequeueError } from '@facequeue/schema';
import { createImageSource, sourceOptions } from '@facequeue/source';
import type { DetectConfig } from '../config.ts';
import type { Output } from '../output.ts';
import { writeOutput } from '../write-output.ts';
import { planDrawings } from './drawings.ts';
import { expandInputs, type Input } from './inputs.ts';
import type { DetectCall } from './options.ts';
import { readImage } from './read-image.ts';
import { bareJson, jsonLines, table } from './report.ts';

/**
 * Detects faces in every image of a call, one after the other, and prints each result as it is ready.
 * @returns the exit code: 1 when an image failed or a drawing could not be written
 * @throws UsageError
 */
export async function detect(call: DetectCall, config: DetectConfig, output: Output): Promise<number> {
  const { stdout, stderr } = output;
  const inputs = expandInputs(call.args);
  const drawings = call.draw === undefined ? null : planDrawings(inputs, call.draw);
  const report = call.json ? (inputs.single ? bareJson : jsonLines) : table;

  await using source = createImageSource(sourceOptions(config));
  await using pipeline = await openPipeline(config, output);
  if (!pipeline) return 1;
  const read = ({ from }: Input) =>
    from.kind === 'url' ? source.fetch(from.url) : readImage(from.path, config.MAX_IMAGE_BYTES);

  let [failures, faces] = [0, 0];
  for (const [i, input] of inputs.inputs.entries()) {
    try {
      const bytes = await read(input);
      const detection = await pipeline.detect(bytes, call.options);
      faces += detection.faces.length;
      stdout(report.found(input, detection, renderResult(detection)));
      if (detection.leftOut > 0)
        stderr(`${input.name}: ${detection.leftOut} more faces were found; --max-faces takes more of them.`);
      const drawing = drawings?.[i];
      if (!drawing) continue;
      const drawn = await drawFaces(
        await decodeImage(bytes, { orient: call.options.orient, limits: imageLimits(config) }),
        detection.faces,
        drawing,
      );
      if (!(await writeOutput(drawing.path, async () => drawn, output))) failures += 1;
    } catch (error) {
      if (!isFacequeueError(error)) throw error;
      failures += 1;
      stdout(report.failed(input, error));
    }
  }
  if (!call.json && !inputs.single) {
    const failed = failures ? `, ${failures} failed` : '';
    stderr(`${inputs.inputs.length} images, ${faces} faces${failed} (${pipeline.device}).`);
  }
  return failures ? 1 : 0;
}

/** @returns null when the models cannot be used here; the reason has been printed */
async function openPipeline(config: DetectConfig, { stderr }: Output): Promise<Pipeline | null> {
  try {
    return await createPipeline({ device: config.DEVICE, packPath: config.MODEL_PACK, limits: imageLimits(config) });
  } catch (error) {
    if (!(error instanceof DeviceError || error instanceof PackError)) throw error;
    stderr(error.message);
    return null;
  }
}
