import { extname } from 'node:path';
import { type BatchOptions, IMAGE_SUFFIXES } from '@facequeue/schema';
import { DETECTION_FLAG_OPTIONS, DETECTION_HELP, readDetectionFlags } from '../detection-options.ts';
import { readTarget, TARGET_FLAGS, TARGET_HELP, type Target } from '../target.ts';
import { parseCommandLine, UsageError } from '../usage.ts';
import type { Places } from './entries.ts';

/** What `ingest` was asked to do. */
export interface IngestCall extends Target {
  places: Places;
  /** S3 prefixes that a worker lists. */
  prefixes: string[];
  /** File of results; undefined: standard output. */
  out: string | undefined;
  format: 'ndjson' | 'csv';
  options: BatchOptions;
  retryFailed: boolean;
  json: boolean;
  quiet: boolean;
}

export const INGEST_HELP = `Sends any number of images to a running service and writes what it finds, as it finds it.

FILE is an image whatever its name. DIR stands for the ${IMAGE_SUFFIXES.join(', ')} files in it and in all folders
below; hidden ones and links to folders are left out. GLOB, in quotes, stands for the files it matches. The service fetches URLs,
and a worker lists s3://BUCKET/PREFIX. In the results an image has its path below DIR as its id, else the path or URL it was named by.

  --out FILE             results go there instead of standard output; .csv: a row a face, else NDJSON: an image a line. Run again
                         with the same FILE, only what is not in it is sent
  --retry-failed         images that failed last time are sent again, too
  --from FILE            a path or URL a line; - is standard input
  --format NAME          ndjson, csv; as --out is named unless given
${TARGET_HELP}
  --json                 progress and summary as JSON lines
  --quiet                no progress
${DETECTION_HELP.replaceAll(/^( {2}--.{18}) /gm, '$1   ')}

Progress is on standard error. The first Ctrl-C stops: results that have come are kept, and the same command goes on from there (exit
code 130); a second one ends at once. Exit codes: 0 done, 1 an image failed or the service could not be used, 2 the command
line was not understood.
`;

/**
 * @param unless the service when the command line names none
 * @throws UsageError
 */
export function parseIngestCall(args: string[], unless: Target): IngestCall {
  const { values, positionals } = parseCommandLine('ingest', {
    args,
    options: {
      ...TARGET_FLAGS,
      ...DETECTION_FLAG_OPTIONS,
      out: { type: 'string' },
      from: { type: 'string' },
      format: { type: 'string' },
      'retry-failed': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      quiet: { type: 'boolean', default: false },
    },
  });
  if (!positionals.length && values.from === undefined)
    throw new UsageError('ingest needs a DIR, GLOB, FILE or URL, or --from. `facequeue help ingest` says more.');
  if (values['retry-failed'] && values.out === undefined)
    throw new UsageError('--retry-failed goes with --out: what failed stands there.');
  const { orient, ...options } = readDetectionFlags(values);
  return {
    places: { args: positionals.filter((arg) => !isPrefix(arg)), from: values.from },
    prefixes: positionals.filter(isPrefix),
    out: values.out,
    format: readFormat(values.format, values.out),
    options,
    retryFailed: values['retry-failed'],
    json: values.json,
    quiet: values.quiet,
    ...readTarget(values, unless),
  };
}

/** Whether an argument names a folder of S3 and not one image. */
function isPrefix(arg: string): boolean {
  return /^s3:\/\//i.test(arg) && !IMAGE_SUFFIXES.includes(extname(arg).toLowerCase());
}

function readFormat(format: string | undefined, out: string | undefined): IngestCall['format'] {
  if (format === undefined) return extname(out ?? '').toLowerCase() === '.csv' ? 'csv' : 'ndjson';
  if (format !== 'csv' && format !== 'ndjson') throw new UsageError(`--format ${format}: expected ndjson or csv.`);
  return format;
}
