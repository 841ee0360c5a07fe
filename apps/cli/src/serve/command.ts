import { misspeltMessage } from '@facequeue/service/misspelt';
import type { CommandModule } from '../program.ts';

export const define: CommandModule['define'] = (command, output, run) =>
  command
    .description(
      `Runs the whole service: gateway, worker and, without REDIS_URL, a private Redis.

Settings are environment variables (docs/configuration.md), for example PORT=9000 or ENGINES=4. Ctrl-C or SIGTERM stops everything in order; a service that has not ended 10 s after SHUTDOWN_GRACE is killed, and the exit code is 1. A second Ctrl-C ends everything immediately. The logs of gateway and worker go to standard output, messages of serve itself to standard error.`,
    )
    .showHelpAfterError('Settings are environment variables: see docs/configuration.md.')
    .action(
      run(async () => {
        const { misspeltServeSettings, serveConfig } = await import('../config.ts');
        const config = serveConfig();
        for (const setting of misspeltServeSettings()) output.stderr(misspeltMessage(setting));
        const { continueAsSmallProcess } = await import('./small-process.ts');
        continueAsSmallProcess(config);
        const { serve } = await import('./serve.ts');
        // A terminal that was closed must not prevent an orderly stop.
        for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
        return serve(config, output);
      }),
    );
