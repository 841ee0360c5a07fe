import type { Command } from '../commands.ts';
import { detectConfig } from '../config.ts';
import { DETECT_HELP, parseDetectCall } from './options.ts';

export const detectCommand: Command = {
  parameters: 'FILE|DIR|URL… [options]',
  summary: 'find the faces of images, without a queue',
  help: DETECT_HELP,
  async run(args, print, say) {
    const call = parseDetectCall(args);
    const config = detectConfig(call.device);
    // The models' libraries are loaded for those who need them only.
    const { detect } = await import('./detect.ts');
    // A reader such as `head` that has enough ends the work, too.
    process.stdout.on('error', () => process.exit(1));
    return detect(call, config, print, say);
  },
};
