import { type ParseArgsConfig, parseArgs } from 'node:util';

/** The command line cannot be understood; exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * `parseArgs` of Node, whose complaints become a UsageError.
 * @param command the words that led here, for the message
 */
export function parseCommandLine<T extends ParseArgsConfig>(command: string, config: T) {
  try {
    return parseArgs<T & { allowPositionals: true }>({ ...config, allowPositionals: true });
  } catch (error) {
    // Its second sentence is about arguments that begin with a dash.
    const [sentence] = (error as Error).message.split(/\. |\n/);
    throw new UsageError(`${sentence}. \`facequeue help ${command}\` lists what there is.`);
  }
}
