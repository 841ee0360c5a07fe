import type { DetectionOptions } from '@facequeue/schema';
import type { Command } from 'commander';
import { addDetectionOptions, type DetectionFlags, readDetectionOptions } from '../options/detection.ts';
import { addServerOptions, readTarget, type ServerFlags, type Target } from '../options/server.ts';
import { milliseconds } from '../options/values.ts';

interface JobsCall extends Target {
  json: boolean;
}

/** What `jobs submit` was asked to do. */
export interface SubmitCall extends JobsCall {
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
export interface IdsCall extends JobsCall {
  ids: string[];
  /** For `wait`: how long, ms; undefined: until all have ended. */
  timeoutMs: number | undefined;
}

interface JobsFlags extends ServerFlags {
  json?: true;
}

export interface SubmitFlags extends JobsFlags, DetectionFlags {
  wait?: number;
  webhook?: string;
  idempotencyKey?: string;
  bulk?: true;
}

export interface IdsFlags extends JobsFlags {
  timeout?: number;
}

export function addSubmitOptions(command: Command): Command {
  command
    .argument('<FILE|DIR|URL...>', 'images; folders as for `detect`; the service fetches URLs')
    .option('--wait <SECONDS>', 'wait for the end of each job', milliseconds)
    .option('--webhook <URL>', 'have the service post the end of each job there, signed')
    .option(
      '--idempotency-key <KEY>',
      'for one image: the same key with the same image and options returns the same job',
    )
    .option('--bulk', 'process after interactive calls');
  return addDetectionOptions(addCommonOptions(command));
}

/** @param several whether the action takes several jobs */
export function addIdOptions(command: Command, several: boolean): Command {
  return addCommonOptions(command.argument(several ? '<ID...>' : '<ID>', several ? 'ids of jobs' : 'id of a job'));
}

function addCommonOptions(command: Command): Command {
  return addServerOptions(
    command.option('--json', 'a job a line, as `GET /jobs/{id}` has it; for several images with the "file" first'),
  );
}

export function readSubmitCall(args: string[], flags: SubmitFlags): SubmitCall {
  const { orient, ...options } = readDetectionOptions(flags);
  return {
    args,
    options,
    bulk: flags.bulk ?? false,
    webhookUrl: flags.webhook,
    idempotencyKey: flags.idempotencyKey,
    waitMs: flags.wait,
    json: flags.json ?? false,
    ...readTarget(flags),
  };
}

export function readIdsCall(ids: string[], flags: IdsFlags): IdsCall {
  return { ids, timeoutMs: flags.timeout, json: flags.json ?? false, ...readTarget(flags) };
}
