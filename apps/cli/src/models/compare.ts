/** Two packs over the same images: what appears, what vanishes, what moves, and what it costs. */
import { join } from 'node:path';
import { type Comparison, compareFaces, comparisonFigures, type Shift, sample } from '@facequeue/evaluation';
import { createPipeline, type DetectedFace, DeviceError, PackError, type Pipeline } from '@facequeue/pipeline';
import { imageLimits } from '@facequeue/pipeline/variables';
import { type DetectionOptions, isFacequeueError } from '@facequeue/schema';
import type { EvalConfig } from '../config.ts';
import { expandInputs } from '../detect/inputs.ts';
import { readImage } from '../detect/read-image.ts';
import { startDisplay } from '../ingest/display.ts';
import { INTERRUPTED, type Interruption } from '../interruption.ts';
import type { Output } from '../output.ts';
import { type PageEntry, renderPage } from '../page/page.ts';
import { COLOURS, closeUpOf } from '../page/picture.ts';
import { quantile } from '../quantile.ts';
import { snakeCase } from '../snake-case.ts';
import { fixed, textTable } from '../table.ts';
import { UsageError } from '../usage.ts';
import { writeOutput } from '../write-output.ts';

export interface CompareCall {
  /** Paths of manifests. */
  before: string;
  after: string;
  /** Folder of images. */
  folder: string;
  options: DetectionOptions;
  /** How many images, drawn by `seed`; all when undefined. */
  limit: number | undefined;
  seed: number;
  json: boolean;
  page: string | undefined;
  /** Images on the page. */
  worst: number;
}

/** An image through both packs. */
interface Compared {
  file: string;
  comparison: Comparison<DetectedFace>;
  cost: { before: Cost; after: Cost };
}

/** CPU time of all threads of this process, and time until the answer, ms. */
interface Cost {
  cpu: number;
  wall: number;
}

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

/**
 * Runs both packs over one image.
 * @param reversed whether the second pack runs first, so that neither always profits from a warm cache
 */
async function compareImage(
  file: string,
  [first, second]: readonly [Pipeline, Pipeline],
  { folder, options }: CompareCall,
  reversed: boolean,
): Promise<Compared> {
  const bytes = await readImage(join(folder, file), Number.POSITIVE_INFINITY);
  const run = async (pipeline: Pipeline) => {
    const [cpu, wall] = [process.cpuUsage(), performance.now()];
    const { faces } = await pipeline.detect(bytes, options);
    const { user, system } = process.cpuUsage(cpu);
    return { faces, cost: { cpu: (user + system) / 1000, wall: performance.now() - wall } };
  };
  const early = await run(reversed ? second : first);
  const late = await run(reversed ? first : second);
  const [before, after] = reversed ? [late, early] : [early, late];
  const comparison = compareFaces(before.faces, after.faces);
  return { file, comparison, cost: { before: before.cost, after: after.cost } };
}

function figuresOf(compared: readonly Compared[], [before, after]: readonly [Pipeline, Pipeline], call: CompareCall) {
  const costOf = (which: 'before' | 'after', kind: keyof Cost) => {
    const sorted = compared.map(({ cost }) => cost[which][kind]).sort((a, b) => a - b);
    const mean = sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length;
    return { mean, median: quantile(sorted, 0.5), p95: quantile(sorted, 0.95) };
  };
  const side = (which: 'before' | 'after', { model }: Pipeline, path: string) => ({
    pack: `${model.name} ${model.version}`,
    path,
    cpuMs: costOf(which, 'cpu'),
    ms: costOf(which, 'wall'),
  });
  return {
    folder: call.folder,
    profile: call.options.profile,
    before: side('before', before, call.before),
    after: side('after', after, call.after),
    differences: comparisonFigures(compared.map(({ comparison }) => comparison)),
  };
}

function textOf({ folder, profile, before, after, differences }: ReturnType<typeof figuresOf>): string {
  const { images, pairs, vanished, appeared, genders } = differences;
  const shift = (name: string, of: Shift | null, scale: number, decimals: number, unit: string) =>
    of
      ? [`${name}, ${unit}`, fixed(scale * of.mean, decimals), fixed(scale * of.largest, decimals)]
      : [`${name}, ${unit}`, null, null];
  const cost = (name: string, kind: 'cpuMs' | 'ms') =>
    [before, after].map((side, i) => [
      `${name}, ${i === 0 ? 'before' : 'after'}`,
      fixed(side[kind].mean, 1),
      fixed(side[kind].median, 1),
      fixed(side[kind].p95, 1),
    ]);
  return [
    `before: ${before.pack} (${before.path})\nafter:  ${after.pack} (${after.path})\n`,
    `${images} images of ${folder}, profile ${profile}\n\n`,
    `${pairs} faces in both, ${vanished} vanished, ${appeared} appeared; ${genders} genders changed.\n\n`,
    textTable(
      ['of faces in both, after - before', 'mean', 'largest'],
      [
        shift('confidence', differences.confidence, 1, 4, '0..1'),
        shift("the box's middle", differences.boxes, 100, 2, "% of the face's size"),
        shift("the box's size", differences.sizes, 100, 2, '%'),
        shift('106 points', differences.points, 100, 2, "% of the face's size"),
        shift('age', differences.ages, 1, 2, 'years'),
      ],
    ),
    '\n',
    textTable(['an image', 'mean', 'median', '95 %'], [...cost('CPU-ms', 'cpuMs'), ...cost('ms', 'ms')]),
  ].join('');
}

/** The images whose faces differ most. */
function pageOf(compared: readonly Compared[], text: string, { folder, worst }: CompareCall): Promise<string> {
  const changes = ({ comparison }: Compared) => comparison.vanished.length + comparison.appeared.length;
  const entries = compared
    .filter((one) => changes(one) > 0)
    .sort((a, b) => changes(b) - changes(a))
    .slice(0, worst)
    .map(
      ({ file, comparison: { pairs, vanished, appeared } }): PageEntry => ({
        file,
        picture: {
          caption: `${pairs.length} faces in both, ${vanished.length} vanished, ${appeared.length} appeared.`,
          marks: [
            ...pairs.map(({ after: { box } }) => ({ box, colour: COLOURS.ignored })),
            ...vanished.map(({ box }) => ({ box, colour: COLOURS.missed })),
            ...appeared.map(({ box }) => ({ box, colour: COLOURS.found })),
          ],
          closeUps: [...vanished, ...appeared].map(({ box }) => closeUpOf(box)),
        },
        read: () => readImage(join(folder, file), Number.POSITIVE_INFINITY),
      }),
    );
  const legend = [
    { colour: 'missed', meaning: 'vanished' },
    { colour: 'found', meaning: 'appeared' },
    { colour: 'ignored', meaning: 'in both' },
  ] as const;
  return renderPage({ title: `Two packs over ${compared.length} images`, text, legend }, entries);
}
