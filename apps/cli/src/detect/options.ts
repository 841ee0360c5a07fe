import { DEVICE_NAMES } from '@facequeue/pipeline/device';
import { type DetectionOptions, IMAGE_SUFFIXES, imageFormatNames } from '@facequeue/schema';
import type { Command } from 'commander';
import { addDetectionOptions, type DetectionFlags, readDetectionOptions } from '../options/detection.ts';
import { addHelpParagraphs } from '../options/help.ts';

/** What `detect` was asked to do. */
export interface DetectCall {
  /** Files, folders and URLs. */
  args: string[];
  options: DetectionOptions;
  json: boolean;
  draw: string | undefined;
  device: string | undefined;
}

export interface DetectFlags extends DetectionFlags {
  json?: true;
  draw?: string;
  device?: string;
}

export function addDetectOptions(command: Command): Command {
  command
    .description(
      `Finds the faces in images on this machine, without a service.

FILE is a ${imageFormatNames('or')} image with any name. DIR stands for the ${IMAGE_SUFFIXES.join(', ')} files in it and its subfolders, sorted; hidden ones and links to folders are skipped. URL is http, https or s3, fetched under the rules of the service (SOURCE_ALLOW, S3_SOURCE_PREFIXES, …).`,
    )
    .argument('<FILE|DIR|URL...>', 'images')
    .option('--json', 'one image: the JSON of the API; several: a line each, with the "file" first')
    .option('--draw <OUT>', 'draw boxes, points, gender and age: a .png or .jpg file, or a folder (created if needed)')
    .option('--device <NAME>', `${DEVICE_NAMES} (default: DEVICE)`);
  return addHelpParagraphs(
    addDetectionOptions(command),
    'A file that cannot be read gets an error, and the others are processed. Exit codes: 0 done, 1 an image failed, 2 the command line was not understood.',
  );
}

export function readDetectCall(args: string[], flags: DetectFlags): DetectCall {
  return {
    args,
    options: readDetectionOptions(flags),
    json: flags.json ?? false,
    draw: flags.draw,
    device: flags.device,
  };
}
