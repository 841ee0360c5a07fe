import { readFileSync } from 'node:fs';
import type { Output } from './output.ts';
import { UsageError } from './usage.ts';

/** One command of `facequeue`. */
export interface Command {
  /** What follows its name. */
  parameters: string;
  /** One line for the overview. */
  summary: string;
  /** The rest of its help. */
  help: string;
  /**
   * @param args the words after the command's name
   * @returns the exit code
   * @throws UsageError
   */
  run(args: string[], output: Output): Promise<number>;
}

export type Commands = Record<string, Command>;

export function version(): string {
  const file = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

export function overview(commands: Commands): string {
  const rows = Object.entries(commands).map(([name, { parameters, summary }]) => [`${name} ${parameters}`, summary]);
  const width = Math.max(...rows.map(([call]) => call!.length)) + 2;
  return `Facequeue ${version()}: self-hosted face detection.

Usage: npm run facequeue -- COMMAND …

${rows.map(([call, summary]) => `  ${call!.padEnd(width)}${summary}`).join('\n')}

\`help COMMAND\` says more. Exit codes: 0 done, 1 something failed, 2 the command line was not understood.
`;
}

export function helpOf(name: string, commands: Commands): string {
  const command = commands[name];
  if (!command) throw new UsageError(`There is no command ${JSON.stringify(name)}. ${listed(commands)}`);
  return `Usage: npm run facequeue -- ${name} ${command.parameters}\n\n${command.summary}.\n\n${command.help}`;
}

/**
 * Finds and runs the command that `args` begin with.
 * @returns the exit code
 * @throws UsageError
 */
export async function dispatch(args: string[], commands: Commands, output: Output): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    output.stdout(rest[0] === undefined ? overview(commands) : helpOf(rest[0], commands));
    return name === undefined ? 2 : 0;
  }
  if (name === '--version' || name === '-v') {
    output.stdout(`${version()}\n`);
    return 0;
  }
  const command = commands[name];
  if (!command) throw new UsageError(`There is no command ${JSON.stringify(name)}. ${listed(commands)}`);
  if (rest.includes('--help') || rest.includes('-h')) {
    output.stdout(helpOf(name, commands));
    return 0;
  }
  return command.run(rest, output);
}

const listed = (commands: Commands) => `Commands: ${[...Object.keys(commands), 'help'].join(', ')}.`;
