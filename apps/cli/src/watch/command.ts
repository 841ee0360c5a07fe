import type { Command } from '../commands.ts';
import { callerConfig } from '../config.ts';
import { listenForInterruption } from '../interruption.ts';
import { HOW_TO_INSTALL, hasFfmpeg } from './ffmpeg.ts';
import { parseWatchCall, WATCH_HELP } from './options.ts';

export const watchCommand: Command = {
  parameters: 'SOURCE --camera NAME [options]',
  summary: 'find the faces of a camera or video, frame by frame',
  help: WATCH_HELP,
  async run(args, print, say) {
    const { FACEQUEUE_URL, FACEQUEUE_API_KEY } = callerConfig();
    const call = parseWatchCall(args, { service: FACEQUEUE_URL, apiKey: FACEQUEUE_API_KEY });
    if (!hasFfmpeg()) {
      say(HOW_TO_INSTALL);
      return 1;
    }
    const { createClient } = await import('@facequeue/client');
    const { service: baseUrl, apiKey } = call;
    // Frames that are not taken are not kept for another try where a newer one counts: what to do then is decided here.
    const client = createClient({ baseUrl, ...(apiKey !== undefined && { apiKey }), retries: 0 });
    // A reader such as `head` that has enough ends the work, too.
    process.stdout.on('error', () => process.exit(1));
    using interruption = listenForInterruption();
    const { watch } = await import('./watch.ts');
    return await watch(call, client, interruption, print, say);
  },
};
