import { listenForInterruption } from '../interruption.ts';
import { openClient } from '../options/server.ts';
import { exitWithPipe } from '../output.ts';
import type { CommandModule } from '../program.ts';
import { HOW_TO_INSTALL, hasFfmpeg } from './ffmpeg.ts';
import { addWatchOptions, readWatchCall, type WatchFlags } from './options.ts';

export const define: CommandModule['define'] = (command, output, run) =>
  addWatchOptions(command).action(
    run(async (source: string, flags: WatchFlags) => {
      const call = readWatchCall(source, flags);
      if (!hasFfmpeg()) {
        output.stderr(HOW_TO_INSTALL);
        return 1;
      }
      // The client must not retry a frame that a newer one may replace: watch retries itself.
      const client = await openClient(call, { retries: 0 });
      exitWithPipe();
      using interruption = listenForInterruption();
      const { watch } = await import('./watch.ts');
      return await watch(call, client, interruption, output);
    }),
  );
