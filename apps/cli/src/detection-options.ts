import { DetectionOptions, PROFILES } from '@facequeue/schema';
import { UsageError } from './usage.ts';

/** What may be asked of a detection, for `parseCommandLine`. */
export const DETECTION_FLAGS = {
  profile: { type: 'string' },
  'min-confidence': { type: 'string' },
  'max-faces': { type: 'string' },
  'min-face-size': { type: 'string' },
  'no-landmarks': { type: 'boolean', default: false },
  'no-attributes': { type: 'boolean', default: false },
} as const;

export const DETECTION_HELP = `  --profile NAME       ${PROFILES.join(', ')}; balanced unless named
  --min-confidence N   0.1 to 1
  --max-faces N        the N with the highest confidence
  --min-face-size PX   square root of width x height
  --no-landmarks       without the 106 points
  --no-attributes      without gender and age`;

interface DetectionFlags {
  profile?: string | undefined;
  'min-confidence'?: string | undefined;
  'max-faces'?: string | undefined;
  'min-face-size'?: string | undefined;
  'no-landmarks': boolean;
  'no-attributes': boolean;
}

/** @throws UsageError naming the bad option */
export function readDetectionFlags(flags: DetectionFlags): DetectionOptions {
  const number = (text: string | undefined) => (text === undefined ? undefined : Number(text.trim() || Number.NaN));
  const options = DetectionOptions.safeParse({
    profile: flags.profile,
    min_confidence: number(flags['min-confidence']),
    max_faces: number(flags['max-faces']),
    min_face_size: number(flags['min-face-size']),
    landmarks: !flags['no-landmarks'],
    attributes: !flags['no-attributes'],
  });
  if (options.success) return options.data;
  const { path, message } = options.error.issues[0]!;
  const name = String(path[0]).replaceAll('_', '-') as 'profile';
  throw new UsageError(`--${name} ${flags[name]}: ${message}.`);
}
