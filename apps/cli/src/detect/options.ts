import { DetectionOptions, PROFILES } from '@facequeue/schema';
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

export const DETECT_HELP = `FILE is a JPEG, PNG, BMP or WebP image whatever its name; URL is http, https or s3 (fetched under the
rules of the service: SOURCE_ALLOW, S3_SOURCE_PREFIXES, …). DIR stands for the .jpg, .jpeg, .png, .bmp and .webp files in it and
in all folders below, sorted; hidden ones and links to folders are left out.

  --json               one image: the JSON the API answers with. Several: a line each, with its "file" first
  --draw OUT           draw boxes, points, gender and age: a .png or .jpg file, or a folder (made if need be)
  --profile NAME       ${PROFILES.join(', ')}; balanced unless named
  --min-confidence N   0.1 to 1
  --max-faces N        the N with the highest confidence
  --min-face-size PX   square root of width x height
  --no-landmarks       without the 106 points
  --no-attributes      without gender and age
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
      profile: { type: 'string' },
      'min-confidence': { type: 'string' },
      'max-faces': { type: 'string' },
      'min-face-size': { type: 'string' },
      'no-landmarks': { type: 'boolean', default: false },
      'no-attributes': { type: 'boolean', default: false },
      device: { type: 'string' },
    },
  });
  if (!positionals.length) throw new UsageError('detect needs a FILE, DIR or URL. `facequeue help detect` says more.');
  const number = (text: string | undefined) => (text === undefined ? undefined : Number(text.trim() || Number.NaN));
  const options = DetectionOptions.safeParse({
    profile: values.profile,
    min_confidence: number(values['min-confidence']),
    max_faces: number(values['max-faces']),
    min_face_size: number(values['min-face-size']),
    landmarks: !values['no-landmarks'],
    attributes: !values['no-attributes'],
  });
  if (!options.success) {
    const { path, message } = options.error.issues[0]!;
    const name = String(path[0]).replaceAll('_', '-') as 'profile';
    throw new UsageError(`--${name} ${values[name]}: ${message}.`);
  }
  return {
    args: positionals,
    options: options.data,
    json: values.json,
    draw: values.draw,
    device: values.device,
  };
}
