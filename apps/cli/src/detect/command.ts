import { exitWithPipe } from '../output.ts';
import type { CommandModule } from '../program.ts';
import { addDetectOptions, type DetectFlags, readDetectCall } from './options.ts';

export const define: CommandModule['define'] = (command, output, run) =>
  addDetectOptions(command).action(
    run(async (args: string[], flags: DetectFlags) => {
      const call = readDetectCall(args, flags);
      const { detectConfig } = await import('../config.ts');
      const config = detectConfig(call.device);
      // The inference libraries are loaded only here: they take a second.
      const { detect } = await import('./detect.ts');
      exitWithPipe();
      return detect(call, config, output);
    }),
  );
