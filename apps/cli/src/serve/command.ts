import type { Command } from '../commands.ts';
import { serveConfig } from '../config.ts';
import { parseCommandLine, UsageError } from '../usage.ts';

export const serveCommand: Command = {
  parameters: '',
  summary: 'run the whole service: gateway, worker and, without REDIS_URL, a private Redis',
  help: `Settings are environment variables (docs/configuration.md), for example PORT=9000 or ENGINES=4.
Ctrl-C or SIGTERM stops everything in order; a second Ctrl-C ends it at once.
The log of gateway and worker goes to standard output, what serve itself says to standard error.
`,
  async run(args, output) {
    const { positionals } = parseCommandLine('serve', { args });
    if (positionals.length)
      throw new UsageError(
        `serve takes no arguments, not ${JSON.stringify(positionals[0])}. Settings are environment variables.`,
      );
    const config = serveConfig();
    const { serve } = await import('./serve.ts');
    // A terminal that was closed must not prevent an orderly stop.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
    return serve(config, output);
  },
};
