import { readFileSync } from 'node:fs';
import { ConfigError } from '@facequeue/schema/config';
import { Command, CommanderError } from 'commander';
import { addHelpParagraphs } from './options/help.ts';
import type { Output } from './output.ts';
import { UsageError } from './usage.ts';

/** What a command's `command.ts` exports. */
export interface CommandModule {
  /**
   * Adds arguments, options, help and the action to a command.
   * @param run turns a function that returns the exit code into an action; it may throw UsageError and ConfigError
   */
  define(command: Command, output: Output, run: RunAction): void;
}

type RunAction = <A extends unknown[]>(action: (...args: A) => Promise<number>) => (...args: A) => Promise<void>;

export type CommandList = Record<string, { summary: string; load: () => Promise<CommandModule> }>;

/** The command line was not understood. */
const USAGE = 2;

/**
 * Runs the command that `args` begin with.
 * @returns the exit code
 */
export async function runProgram(args: readonly string[], commands: CommandList, output: Output): Promise<number> {
  let exitCode = 0;
  const program = new Command('npm run facequeue --')
    .description('Self-hosted face detection.')
    .version(version(), '-v, --version')
    .exitOverride()
    // `-v` after a command is no option of that command.
    .enablePositionalOptions()
    .configureOutput({
      writeOut: output.stdout,
      writeErr: (text) => output.stderr(text.trimEnd()),
    })
    .showHelpAfterError(`Commands: ${[...Object.keys(commands), 'help'].join(', ')}.`);
  addHelpParagraphs(
    program,
    '`help COMMAND` has the options of a command. Exit codes: 0 done, 1 something failed, 2 the command line was not understood.',
  );
  for (const [name, { summary }] of Object.entries(commands)) program.command(name).summary(summary);
  const { words, exists } = resolveHelp(args, commands);
  try {
    const name = words[0]!;
    if (exists) {
      const command = program.commands.find((one) => one.name() === name)!;
      command.showHelpAfterError(helpHint(name));
      const { define } = await commands[name]!.load();
      define(command, output, (action) => async (...of) => {
        exitCode = await action(...of);
      });
      for (const nested of command.commands) nested.showHelpAfterError(helpHint(`${name} ${nested.name()}`));
      const path = commandPath(command, words);
      if (asksForHelp(words)) words.splice(path.length, Number.POSITIVE_INFINITY, '--help');
      refuseOptionAsValue(path.at(-1)!, words);
    }
    await program.parseAsync(words, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 && args.length ? 0 : USAGE;
    if (!(error instanceof UsageError || error instanceof ConfigError)) throw error;
    output.stderr(error instanceof UsageError ? `error: ${error.message}` : error.message);
    return USAGE;
  }
}

/** Turns `help jobs submit` into `jobs submit --help`, which commander resolves at any depth, and no words into `help`. */
function resolveHelp(args: readonly string[], commands: CommandList): { words: string[]; exists: boolean } {
  if (!args.length) return { words: ['help'], exists: false };
  const asked = args[0] === 'help' && args.length > 1;
  const words = asked ? args.slice(1) : [...args];
  const exists = Object.hasOwn(commands, words[0]!);
  return { words: asked && exists ? [...words, '--help'] : words, exists };
}

const helpHint = (path: string) => `\`npm run facequeue -- help ${path}\` has its options.`;

/** The command that the first words name, and the commands it is in. */
function commandPath(command: Command, [, ...words]: readonly string[]): Command[] {
  const nested = command.commands.find((one) => one.name() === words[0]);
  return nested ? [command, ...commandPath(nested, words)] : [command];
}

/** Help is wanted however wrong the other words are. */
function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  return words.slice(0, end < 0 ? words.length : end).some((word) => word === '--help' || word === '-h');
}

/**
 * Commander would take `--quiet` in `--out --quiet` for the value.
 * @throws UsageError
 */
function refuseOptionAsValue(command: Command, words: readonly string[]): void {
  const withValue = new Set(command.options.filter(({ required }) => required).map(({ long }) => long));
  for (const [i, word] of words.entries()) {
    if (word === '--') return;
    const value = words[i + 1];
    if (withValue.has(word) && value?.startsWith('-') && value !== '-')
      throw new UsageError(`option '${word}' is followed by ${value}; write ${word}=${value} if that is its value`);
  }
}

function version(): string {
  const file = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
