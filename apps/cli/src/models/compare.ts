/** Two packs over the same images: what appears, what vanishes, what moves, and what it costs. */
import { sample } from '@facequeue/evaluation';
import { createPipeline, DeviceError, PackError, type Pipeline } from '@facequeue/pipeline';
import { imageLimits } from '@facequeue/pipeline/variables';
import { isFacequeueError } from '@facequeue/schema';
import type { EvalConfig } from '../config.ts';
import { expandInputs } from '../detect/inputs.ts';
import { startDisplay } from '../ingest/display.ts';
import { INTERRUPTED, type Interruption } from '../interruption.ts';
import type { Output } from '../output.ts';
import { snakeCase } from '../snake-case.ts';
import { UsageError } from '../usage.ts';
import { writeOutput } from '../write-output.ts';
import type { CompareCall } from './compare-call.ts';
import { type Compared, compareImage } from './compare-image.ts';
import { figuresOf, pageOf, textOf } from './comparison-report.ts';

/**
 * Runs both packs over the images of a folder, one image at a time, and prints how the answers differ.
 * @returns the exit code: 1 when a pack cannot be used, an image failed or a file could not be written
 * @throws UsageError when it is no folder, or has no image
 */
export async function compareModels(
  call: CompareCall,
  config: EvalConfig,
  { stop }: Pick<Interruption, 'stop'>,
  output: Output,
): Promise<number> {
  const { inputs, single } = expandInputs([call.folder]);
  if (single) throw new UsageError(`${call.folder} is not a folder`);
  const names = inputs.map(({ name }) => name);
  const files = call.limit === undefined ? names : sample(names, call.limit, call.seed, (name) => name);
  await using stack = new AsyncDisposableStack();
  const packs = await openBoth(call, config, output);
  if (!packs) return 1;
  for (const pack of packs) stack.use(pack);

  const compared: Compared[] = [];
  const failures: { file: string; message: string }[] = [];
  {
    const counts = () => ({ done: compared.length + failures.length, failed: failures.length, total: files.length });
    using _ = startDisplay(process.stderr.isTTY ? 'bar' : 'lines', counts, process.stderr);
    for (const file of files) {
      if (stop.aborted) break;
      try {
        compared.push(await compareImage(file, packs, call, compared.length % 2 === 1));
      } catch (error) {
        if (!isFacequeueError(error)) throw error;
        failures.push({ file, message: error.message });
      }
    }
  }
  for (const { file, message } of failures) output.stderr(`${file}: ${message}`);
  const done = compared.length + failures.length;
  if (stop.aborted) output.stderr(`Interrupted: ${done} of ${files.length} images are done.`);
  if (compared.length === 0) {
    output.stderr('No image could be compared.');
    return stop.aborted ? INTERRUPTED : 1;
  }
  const figures = figuresOf(compared, packs, call);
  const text = textOf(figures);
  output.stdout(call.json ? `${JSON.stringify(snakeCase({ ...figures, failures }))}\n` : text);
  const written = call.page === undefined || (await writeOutput(call.page, () => pageOf(compared, text, call), output));
  if (stop.aborted) return INTERRUPTED;
  return failures.length || !written ? 1 : 0;
}

/** @returns null when a pack cannot be used here; the reason has been printed */
async function openBoth({ before, after }: CompareCall, config: EvalConfig, { stderr }: Output) {
  await using opened = new AsyncDisposableStack();
  const open = async (packPath: string): Promise<Pipeline> => {
    const pipeline = await createPipeline({ packPath, device: config.DEVICE, limits: imageLimits(config) });
    opened.use(pipeline);
    await pipeline.warm();
    return pipeline;
  };
  try {
    const pair = [await open(before), await open(after)] as const;
    opened.move();
    return pair;
  } catch (error) {
    if (!(error instanceof DeviceError || error instanceof PackError)) throw error;
    stderr(error.message);
    return null;
  }
}
