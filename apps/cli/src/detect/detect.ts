import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createPipeline, DeviceError, drawFaces, PackError, type Pipeline, renderResult } from '@facequeue/pipeline';
import { isFacequeueError } from '@facequeue/schema';
import { createImageSource, sourceOptions } from '@facequeue/source';
import type { DetectConfig } from '../config.ts';
import { planDrawings } from './drawings.ts';
import { expandInputs, type Input } from './inputs.ts';
import type { DetectCall } from './options.ts';
import { readImage } from './read-image.ts';
import { bareJson, jsonLines, table } from './report.ts';

/**
 * Looks for faces in every image of a call, one after the other, and prints what it finds as it goes.
 * @param print takes text for standard output
 * @param say takes a line for the person who runs it
 * @returns the exit code: 1 when an image could not be looked at, or its drawing not be written
 * @throws UsageError
 */
export async function detect(
  call: DetectCall,
  config: DetectConfig,
  print: (text: string) => void,
  say: (line: string) => void,
): Promise<number> {
  const inputs = expandInputs(call.args);
  const drawings = call.draw === undefined ? null : planDrawings(inputs, call.draw);
  const report = call.json ? (inputs.single ? bareJson : jsonLines) : table;

  await using source = createImageSource(sourceOptions(config));
  await using pipeline = await openPipeline(config, say);
  if (!pipeline) return 1;
  const read = ({ from }: Input) =>
    from.kind === 'url' ? source.fetch(from.url) : readImage(from.path, config.MAX_IMAGE_BYTES);

  let [failures, faces] = [0, 0];
  for (const [i, input] of inputs.inputs.entries()) {
    try {
      const bytes = await read(input);
      const detection = await pipeline.detect(bytes, call.options);
      faces += detection.faces.length;
      print(report.found(input, detection, renderResult(detection)));
      const drawing = drawings?.[i];
      if (drawing && !(await written(drawing.path, await drawFaces(bytes, detection, drawing), say))) failures += 1;
    } catch (error) {
      if (!isFacequeueError(error)) throw error;
      failures += 1;
      print(report.failed(input, error));
    }
  }
  if (!call.json && !inputs.single) {
    const failed = failures ? `, ${failures} failed` : '';
    say(`${inputs.inputs.length} images, ${faces} faces${failed} (${pipeline.device}).`);
  }
  return failures ? 1 : 0;
}

/** Null when the models cannot be used here, which has then been said. */
async function openPipeline(config: DetectConfig, say: (line: string) => void): Promise<Pipeline | null> {
  try {
    return await createPipeline({ device: config.DEVICE, packPath: config.MODEL_PACK });
  } catch (error) {
    if (!(error instanceof DeviceError || error instanceof PackError)) throw error;
    say(error.message);
    return null;
  }
}

/** @returns whether it could be written; if not, that has been said */
async function written(path: string, bytes: Uint8Array, say: (line: string) => void): Promise<boolean> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
    return true;
  } catch (error) {
    say(`${path} cannot be written: ${(error as Error).message}`);
    return false;
  }
}
