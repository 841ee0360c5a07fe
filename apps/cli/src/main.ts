/** The `facequeue` command. */
import { ConfigError } from '@facequeue/schema/config';
import { type Commands, dispatch } from './commands.ts';
import { detectCommand } from './detect/command.ts';
import { ingestCommand } from './ingest/command.ts';
import { jobsCommand } from './jobs/command.ts';
import { modelsCommand } from './models/command.ts';
import { serveCommand } from './serve/command.ts';
import { UsageError } from './usage.ts';
import { watchCommand } from './watch/command.ts';

const commands: Commands = {
  serve: serveCommand,
  detect: detectCommand,
  ingest: ingestCommand,
  watch: watchCommand,
  jobs: jobsCommand,
  models: modelsCommand,
};

try {
  process.exitCode = await dispatch(process.argv.slice(2), commands, {
    stdout: (text) => void process.stdout.write(text),
    stderr: (line) => console.error(line),
  });
} catch (error) {
  if (!(error instanceof UsageError || error instanceof ConfigError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
