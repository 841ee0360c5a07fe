import type { Command } from '../commands.ts';
import { callerConfig } from '../config.ts';
import { listenForInterruption } from '../interruption.ts';
import { INGEST_HELP, parseIngestCall } from './options.ts';

export const ingestCommand: Command = {
  parameters: 'DIR|GLOB|FILE|URL|s3://…  [options]',
  summary: 'send any number of images to a running service',
  help: INGEST_HELP,
  async run(args, output) {
    const { FACEQUEUE_URL, FACEQUEUE_API_KEY } = callerConfig();
    const call = parseIngestCall(args, { service: FACEQUEUE_URL, apiKey: FACEQUEUE_API_KEY });
    const { createClient } = await import('@facequeue/client');
    const { ingest } = await import('./ingest.ts');
    const { service: baseUrl, apiKey } = call;
    const client = createClient({ baseUrl, ...(apiKey !== undefined && { apiKey }) });
    // Stop when the reader of a pipe does, as in `| head`.
    process.stdout.on('error', () => process.exit(1));
    using interruption = listenForInterruption();
    const { stdout, stderr } = process;
    // A bar would be torn by results on the same screen.
    const screen = {
      bar: stderr.isTTY && (call.out !== undefined || !stdout.isTTY),
      get columns() {
        return stderr.columns;
      },
      write: (text: string) => stderr.write(text),
    };
    return await ingest(call, client, interruption.stop, output, screen);
  },
};
