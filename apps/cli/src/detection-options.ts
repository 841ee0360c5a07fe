import { DETECTION_FLAGS, DetectionOptions } from '@facequeue/schema';
import { UsageError } from './usage.ts';

/** The detection options, for `parseCommandLine`. */
export const DETECTION_FLAG_OPTIONS = Object.fromEntries(
  DETECTION_FLAGS.map(({ name, value }) => [name, { type: value === null ? 'boolean' : 'string' }]),
) as Record<string, { type: 'boolean' | 'string' }>;

export const DETECTION_HELP = DETECTION_FLAGS.map(
  ({ name, value, help }) => `  ${`--${name}${value === null ? '' : ` ${value}`}`.padEnd(20)} ${help}`,
).join('\n');

/** @throws UsageError naming the bad option */
export function readDetectionFlags(flags: Record<string, unknown>): DetectionOptions {
  const given = DETECTION_FLAGS.filter(({ name }) => flags[name] !== undefined);
  const options = DetectionOptions.safeParse(
    Object.fromEntries(given.map(({ option, name, parse }) => [option, parse(String(flags[name]))])),
  );
  if (options.success) return options.data;
  const { path, message } = options.error.issues[0]!;
  const { name } = given.find(({ option }) => option === path[0])!;
  throw new UsageError(`--${name} ${flags[name]}: ${message}.`);
}
