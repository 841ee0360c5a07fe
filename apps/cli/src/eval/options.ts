import { DEVICE_NAMES } from '@facequeue/pipeline/device';
import type { DetectionOptions } from '@facequeue/schema';
import { type Command, Option } from 'commander';
import { addDetectionOptions, type DetectionFlags, readDetectionOptions } from '../options/detection.ts';
import { addHelpParagraphs } from '../options/help.ts';
import { numberFrom } from '../options/values.ts';
import { UsageError } from '../usage.ts';

/** Which of the images are evaluated. */
export interface Selection {
  /** How many of the first images. */
  limit: number | undefined;
  /** How many images, drawn by `seed`. */
  sample: number | undefined;
  seed: number;
}

/** Where the answers come from: a service, or the models in this process when `server` is undefined. */
export interface Source {
  server: string | undefined;
  apiKey: string | undefined;
  device: string | undefined;
}

/** What `eval` was asked to do, whatever is evaluated. */
export interface EvalCall {
  options: DetectionOptions;
  selection: Selection;
  source: Source;
  /** Images at a time. */
  concurrency: number;
  json: boolean;
  csv: string | undefined;
  page: string | undefined;
  /** Images on the page. */
  worst: number;
  /** Folder of the images. */
  images: string | undefined;
}

export interface EvalFlags extends DetectionFlags {
  images?: string;
  limit?: number;
  sample?: number;
  seed: number;
  server?: string;
  apiKey?: string;
  device?: string;
  concurrency: number;
  json?: true;
  csv?: string;
  page?: string;
  worst: number;
}

const MANY = 10_000_000;
const MAX_WORST = 200;
const MAX_CONCURRENCY = 64;

/** Options that select images. */
function addSelectionOptions(command: Command): Command {
  return command
    .option('--limit <N>', 'only the first N images', numberFrom(1, MANY))
    .addOption(
      new Option('--sample <N>', 'only N images, drawn by --seed').argParser(numberFrom(1, MANY)).conflicts('limit'),
    )
    .option('--seed <N>', 'another seed draws other images', numberFrom(0, MANY), 1);
}

/**
 * Options of all kinds of evaluations.
 * @param paragraphs of the help, about one kind
 */
export function addEvalOptions(command: Command, ...paragraphs: string[]): Command {
  addSelectionOptions(command)
    .option('--json', 'the figures as one JSON object instead of a table')
    .option('--csv <FILE>', 'write a row for each image')
    .option('--page <FILE.html>', 'write a page with the worst images and their boxes')
    .option('--worst <N>', `images on the page, at most ${MAX_WORST}`, numberFrom(1, MAX_WORST), 20)
    .option('--concurrency <N>', 'images at a time', numberFrom(1, MAX_CONCURRENCY), 4)
    .optionsGroup('Answers from:')
    .option('--server <URL>', 'a service; without it the models of MODEL_PACK in this process')
    .option('--api-key <KEY>', 'of the service (default: FACEQUEUE_API_KEY)')
    .addOption(new Option('--device <NAME>', `${DEVICE_NAMES} (default: DEVICE)`).conflicts('server'));
  return addHelpParagraphs(
    addDetectionOptions(command),
    ...paragraphs,
    'Progress and images that could not be evaluated are printed on standard error. Ctrl-C prints the figures of what is done.',
    'Exit codes: 0 done, 1 an image could not be evaluated or a file could not be written, 2 the command line or the ground truth was not understood, 130 Ctrl-C.',
  );
}

/** @throws UsageError */
export function readEvalCall(flags: EvalFlags): EvalCall {
  if (flags.apiKey !== undefined && flags.server === undefined) throw new UsageError('--api-key needs --server');
  return {
    options: readDetectionOptions(flags),
    selection: { limit: flags.limit, sample: flags.sample, seed: flags.seed },
    source: { server: flags.server, apiKey: flags.apiKey, device: flags.device },
    concurrency: flags.concurrency,
    json: flags.json ?? false,
    csv: flags.csv,
    page: flags.page,
    worst: flags.worst,
    images: flags.images,
  };
}
