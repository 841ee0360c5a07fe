import type { Command } from '../commands.ts';
import { callerConfig } from '../config.ts';
import { listenForInterruption } from '../interruption.ts';
import { HOW_TO_INSTALL, hasFfmpeg } from './ffmpeg.ts';
import { parseWatchCall, WATCH_HELP } from './options.ts';

export const watchCommand: Command = {
  parameters: 'SOURCE --camera NAME [options]',
  summary: 'find the faces of a camera or video, frame by frame',
  help: WATCH_HELP,
  async run(args, output) {
    const { FACEQUEUE_URL, FACEQUEUE_API_KEY } = callerConfig();
    const call = parseWatchCall(args, { service: FACEQUEUE_URL, apiKey: FACEQUEUE_API_KEY });
    if (!hasFfmpeg()) {
      output.stderr(HOW_TO_INSTALL);
      return 1;
    }
    const { createClient } = await import('@facequeue/client');
    const { service: baseUrl, apiKey } = call;
    // The client must not retry a frame that a newer one may replace: watch retries itself.
    const client = createClient({ baseUrl, ...(apiKey !== undefined && { apiKey }), retries: 0 });
    // Stop when the reader of a pipe does, as in `| head`.
    process.stdout.on('error', () => process.exit(1));
    using interruption = listenForInterruption();
    const { watch } = await import('./watch.ts');
    return await watch(call, client, interruption, output);
  },
};
