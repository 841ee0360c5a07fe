import { DETECTION_FLAGS, type DetectionFlag, DetectionOptions } from '@facequeue/schema';
import { type Command, InvalidArgumentError, Option } from 'commander';

/** Values of the detection options, as commander returns them. */
export interface DetectionFlags {
  [attribute: string]: unknown;
}

/** Adds the options that say what to detect, the same for every command. They derive from the table in packages/schema. */
export function addDetectionOptions(command: Command): Command {
  command.optionsGroup('Detection:');
  for (const flag of DETECTION_FLAGS) command.addOption(optionOf(flag));
  return command;
}

export function readDetectionOptions(flags: DetectionFlags): DetectionOptions {
  const values = DETECTION_FLAGS.map((flag) => [flag.option, flags[optionOf(flag).attributeName()]]);
  return DetectionOptions.parse(Object.fromEntries(values));
}

function optionOf({ option: member, name, value, help, parse }: DetectionFlag): Option {
  if (value === null) return new Option(`--${name}`, help);
  return new Option(`--${name} <${value}>`, help).argParser((text) => {
    const given = parse(text);
    if (Number.isNaN(given)) throw new InvalidArgumentError('Expected a number.');
    const parsed = DetectionOptions.shape[member].safeParse(given);
    if (parsed.success) return parsed.data;
    throw new InvalidArgumentError(`${parsed.error.issues[0]!.message}.`);
  });
}
