import { listenForInterruption } from '../interruption.ts';
import { openClient } from '../options/server.ts';
import { exitWithPipe } from '../output.ts';
import type { CommandModule } from '../program.ts';
import { addIngestOptions, type IngestFlags, readIngestCall } from './options.ts';

export const define: CommandModule['define'] = (command, output, run) =>
  addIngestOptions(command).action(
    run(async (args: string[], flags: IngestFlags) => {
      const call = readIngestCall(args, flags);
      const client = await openClient(call);
      const { ingest } = await import('./ingest.ts');
      exitWithPipe();
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
    }),
  );
