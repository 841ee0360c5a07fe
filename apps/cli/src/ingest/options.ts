import { extname } from 'node:path';
import { type BatchOptions, IMAGE_SUFFIXES } from '@facequeue/schema';
import { type Command, Option } from 'commander';
import { addDetectionOptions, type DetectionFlags, readDetectionOptions } from '../options/detection.ts';
import { addHelpParagraphs } from '../options/help.ts';
import { addServerOptions, readTarget, type ServerFlags, type Target } from '../options/server.ts';
import { UsageError } from '../usage.ts';
import type { Places } from './entries.ts';

/** What `ingest` was asked to do. */
export interface IngestCall extends Target {
  places: Places;
  /** S3 prefixes that a worker lists. */
  prefixes: string[];
  /** Results file; undefined: standard output. */
  out: string | undefined;
  format: 'ndjson' | 'csv';
  options: BatchOptions;
  retryFailed: boolean;
  json: boolean;
  quiet: boolean;
}

export interface IngestFlags extends ServerFlags, DetectionFlags {
  out?: string;
  retryFailed?: true;
  from?: string;
  format?: IngestCall['format'];
  json?: true;
  quiet?: true;
}

export function addIngestOptions(command: Command): Command {
  command
    .description(
      `Sends any number of images to a running service and writes each result as it is ready.

FILE is an image with any name. DIR stands for the ${IMAGE_SUFFIXES.join(', ')} files in it and its subfolders; hidden ones and links to folders are skipped. GLOB, in quotes, stands for the files it matches. The service fetches URLs, and a worker lists s3://BUCKET/PREFIX. The id of an image in the results is its path in DIR, or else the path or URL that was given.`,
    )
    .argument('[DIR|GLOB|FILE|URL|s3://…...]', 'images')
    .option(
      '--out <FILE>',
      'write results to FILE instead of standard output: a row for each face to a .csv, otherwise NDJSON, a line for each image. Run again with the same FILE, only images that it lacks are sent',
    )
    .option('--retry-failed', 'also send the images of FILE that failed')
    .option('--from <FILE>', 'read a path or URL a line; - is standard input')
    .addOption(new Option('--format <NAME>', 'default: by the name of --out').choices(['ndjson', 'csv']))
    .option('--json', 'progress and summary as JSON lines')
    .option('--quiet', 'no progress');
  return addHelpParagraphs(
    addDetectionOptions(addServerOptions(command)),
    'Progress goes to standard error. The first Ctrl-C stops the command and keeps the results so far; the same command continues from there. A second Ctrl-C ends it immediately.',
    'Exit codes: 0 done, 1 an image failed or the service could not be used, 2 the command line was not understood, 130 Ctrl-C.',
  );
}

/** @throws UsageError */
export function readIngestCall(args: string[], flags: IngestFlags): IngestCall {
  if (!args.length && flags.from === undefined)
    throw new UsageError('ingest needs a DIR, GLOB, FILE or URL, or --from');
  if (flags.retryFailed && flags.out === undefined)
    throw new UsageError('--retry-failed needs --out: the failed images are in that file');
  const { orient, ...options } = readDetectionOptions(flags);
  return {
    places: { args: args.filter((arg) => !isPrefix(arg)), from: flags.from },
    prefixes: args.filter(isPrefix),
    out: flags.out,
    format: flags.format ?? (extname(flags.out ?? '').toLowerCase() === '.csv' ? 'csv' : 'ndjson'),
    options,
    retryFailed: flags.retryFailed ?? false,
    json: flags.json ?? false,
    quiet: flags.quiet ?? false,
    ...readTarget(flags),
  };
}

/** Whether an argument is an S3 prefix and not one image. */
function isPrefix(arg: string): boolean {
  return /^s3:\/\//i.test(arg) && !IMAGE_SUFFIXES.includes(extname(arg).toLowerCase());
}
