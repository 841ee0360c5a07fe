import type { Command } from '../commands.ts';
import { detectConfig } from '../config.ts';
import { DETECT_HELP, parseDetectCall } from './options.ts';

export const detectCommand: Command = {
  parameters: 'FILE|DIR|URL… [options]',
  summary: 'find the faces of images, without a queue',
  help: DETECT_HELP,
  async run(args, output) {
    const call = parseDetectCall(args);
    const config = detectConfig(call.device);
    // The inference libraries are loaded only here: they take a second.
    const { detect } = await import('./detect.ts');
    // Stop when the reader of a pipe does, as in `| head`.
    process.stdout.on('error', () => process.exit(1));
    return detect(call, config, output);
  },
};
