import { type DetectionOptions, IMAGE_SUFFIXES, imageFormatNames } from '@facequeue/schema';
import { DETECTION_FLAG_OPTIONS, DETECTION_HELP, readDetectionFlags } from '../detection-options.ts';
import { parseCommandLine, UsageError } from '../usage.ts';

/** What `detect` was asked to do. */
export interface DetectCall {
  /** Files, folders and URLs. */
  args: string[];
  options: DetectionOptions;
  json: boolean;
  draw: string | undefined;
  device: string | undefined;
}

export const DETECT_HELP = `FILE is a ${imageFormatNames('or')} image whatever its name; URL is http, https or s3 (fetched under the
rules of the service: SOURCE_ALLOW, S3_SOURCE_PREFIXES, …). DIR stands for the ${IMAGE_SUFFIXES.join(', ')} files in it and
in all folders below, sorted; hidden ones and links to folders are left out.

  --json               one image: the JSON the API answers with. Several: a line each, with its "file" first
  --draw OUT           draw boxes, points, gender and age: a .png or .jpg file, or a folder (made if need be)
${DETECTION_HELP}
  --device NAME        auto, cpu, webgpu, cuda, tensorrt; DEVICE unless named

A file that cannot be read gets its error, the others go on, and the exit code is 1.
`;

/** @throws UsageError */
export function parseDetectCall(args: string[]): DetectCall {
  const { values, positionals } = parseCommandLine('detect', {
    args,
    options: {
      json: { type: 'boolean', default: false },
      draw: { type: 'string' },
      ...DETECTION_FLAG_OPTIONS,
      device: { type: 'string' },
    },
  });
  if (!positionals.length) throw new UsageError('detect needs a FILE, DIR or URL. `facequeue help detect` says more.');
  return {
    args: positionals,
    options: readDetectionFlags(values),
    json: values.json,
    draw: values.draw,
    device: values.device,
  };
}
