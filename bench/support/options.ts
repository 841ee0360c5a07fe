import { type ParseArgsConfig, parseArgs } from 'node:util';

/** An option of a bench; its type is that of its default. */
interface BenchOption {
  default: string | boolean;
  /** What it means, for `--help`. */
  help: string;
}

type Values<T> = { [K in keyof T]: T[K] extends { default: boolean } ? boolean : string };

/**
 * Reads the options of a bench from the command line. With `--help`, prints them and ends the process; with a wrong one, says so.
 * @param command what starts the bench, such as `npm run bench -- queue`
 * @param about what it measures
 */
export function readOptions<const T extends Record<string, BenchOption>>(
  command: string,
  about: string,
  options: T,
): Values<T> {
  const entries = Object.entries<BenchOption>(options);
  const { values } = parseOrExit(command, {
    options: {
      ...Object.fromEntries(
        entries.map(([name, { default: value }]) => [
          name,
          typeof value === 'string'
            ? { type: 'string' as const, default: value }
            : { type: 'boolean' as const, default: value },
        ]),
      ),
      help: { type: 'boolean' as const, short: 'h', default: false },
    },
  });
  if (values['help']) {
    console.log(`${command} [options]\n\n${about}\n\nOptions:`);
    const width = Math.max(...entries.map(([name]) => name.length));
    for (const [name, { default: value, help }] of entries) {
      const fallback = typeof value === 'string' ? ` (default: ${value})` : '';
      console.log(`  --${name.padEnd(width)}  ${help}${fallback}`);
    }
    process.exit(0);
  }
  return values as unknown as Values<T>;
}

/** Ends the process with a sentence when the options are wrong. */
function parseOrExit<T extends ParseArgsConfig>(command: string, config: T) {
  try {
    return parseArgs(config);
  } catch (error) {
    console.error(`${(error as Error).message.split('. ')[0]}. \`${command} --help\` lists the options.`);
    process.exit(2);
  }
}

/** The longest run of a bench, s. */
export const MAX_SECONDS = 86_400;

/**
 * The number in the value of an option.
 * @param text what was given on the command line
 * @throws naming the option and what was expected
 */
export function numberOption(name: string, text: string, min = 1, max = 1e9): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= min && value <= max) return value;
  throw new Error(`--${name} is ${text}; expected a number from ${min} to ${max}`);
}
