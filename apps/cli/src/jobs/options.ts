import type { DetectionOptions } from '@facequeue/schema';
import { DETECTION_FLAG_OPTIONS, DETECTION_HELP, readDetectionFlags } from '../detection-options.ts';
import { readTarget, TARGET_FLAGS, TARGET_HELP, type Target } from '../target.ts';
import { parseCommandLine, UsageError } from '../usage.ts';

interface Common extends Target {
  json: boolean;
}

/** What `jobs submit` was asked to do. */
export interface SubmitCall extends Common {
  action: 'submit';
  /** Files, folders and URLs. */
  args: string[];
  options: Omit<DetectionOptions, 'orient'>;
  bulk: boolean;
  webhookUrl: string | undefined;
  idempotencyKey: string | undefined;
  /** How long to wait for the end of each job, ms; undefined: not at all. */
  waitMs: number | undefined;
}

/** What one of the other actions was asked to do. */
export interface IdsCall extends Common {
  action: 'status' | 'wait' | 'follow' | 'cancel' | 'erase';
  ids: string[];
  /** For `wait`: how long, ms; undefined: until all have ended. */
  timeoutMs: number | undefined;
}

const ACTIONS = ['submit', 'status', 'wait', 'follow', 'cancel', 'erase'] as const;

export const JOBS_HELP = `submit FILE|DIR|URL…  hand images in, and print their jobs; folders as \`detect\` takes them; the service fetches URLs
status ID…            the jobs as they are
wait ID…              the jobs when they have ended
follow ID             each change of a job as it happens, until its end
cancel ID…            end jobs that have not ended
erase ID…             cancel jobs and erase their images and results at once

${TARGET_HELP}
  --json                 a job as JSON a line, as \`GET /jobs/{id}\` shows it; of several images with its "file" first

for submit:
  --wait SECONDS         wait so long for the end of each job
  --webhook URL          told of the end by a signed POST
  --idempotency-key KEY  one image only: the same key with the same image and options gives the same job
  --bulk                 behind the interactive calls
${DETECTION_HELP.replaceAll(/^( {2}--.{18}) /gm, '$1   ')}

for wait:
  --timeout SECONDS      then give up; the jobs go on

Ctrl-C leaves the jobs running and says which (exit code 130). Exit codes: 0 done, 1 a job failed, was not found or could not be
handed in, 2 the command line was not understood.
`;

/**
 * @param unless the service when the command line names none
 * @throws UsageError
 */
export function parseJobsCall([action, ...args]: string[], unless: Target): SubmitCall | IdsCall {
  if (action === 'submit') return parseSubmit(args, unless);
  const known = ACTIONS.find((one) => one === action);
  if (known === undefined || known === 'submit') throw new UsageError(`jobs needs one of: ${ACTIONS.join(', ')}.`);
  return parseIds(known, args, unless);
}

const COMMON_FLAGS = {
  ...TARGET_FLAGS,
  json: { type: 'boolean', default: false },
} as const;

function parseSubmit(args: string[], unless: Target): SubmitCall {
  const { values, positionals } = parseCommandLine('jobs', {
    args,
    options: {
      ...COMMON_FLAGS,
      ...DETECTION_FLAG_OPTIONS,
      wait: { type: 'string' },
      webhook: { type: 'string' },
      'idempotency-key': { type: 'string' },
      bulk: { type: 'boolean', default: false },
    },
  });
  if (!positionals.length)
    throw new UsageError('jobs submit needs a FILE, DIR or URL. `facequeue help jobs` says more.');
  const { orient, ...options } = readDetectionFlags(values);
  return {
    action: 'submit',
    args: positionals,
    options,
    bulk: values.bulk,
    webhookUrl: values.webhook,
    idempotencyKey: values['idempotency-key'],
    waitMs: readSeconds('--wait', values.wait),
    ...readTarget(values, unless),
    json: values.json,
  };
}

function parseIds(action: IdsCall['action'], args: string[], unless: Target): IdsCall {
  const { values, positionals } = parseCommandLine('jobs', {
    args,
    options: { ...COMMON_FLAGS, timeout: { type: 'string' } },
  });
  if (!positionals.length)
    throw new UsageError(`jobs ${action} needs the ID of a job. \`facequeue help jobs\` says more.`);
  if (values.timeout !== undefined && action !== 'wait') throw new UsageError('--timeout is for jobs wait.');
  if (action === 'follow' && positionals.length > 1) throw new UsageError('jobs follow takes one ID.');
  return {
    action,
    ids: positionals,
    timeoutMs: readSeconds('--timeout', values.timeout),
    ...readTarget(values, unless),
    json: values.json,
  };
}

/** @returns milliseconds */
function readSeconds(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+(\.\d+)?$/.test(text)) throw new UsageError(`${flag} ${text}: expected a number of seconds.`);
  return Number(text) * 1000;
}
