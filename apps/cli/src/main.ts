/** The `facequeue` command. */
import { ConfigError } from '@facequeue/schema/config';
import { type Commands, dispatch } from './commands.ts';
import { serveCommand } from './serve/command.ts';
import { UsageError } from './usage.ts';

const commands: Commands = {
  serve: serveCommand,
};

// A terminal that was closed, or a reader such as `head` that has enough, must not keep us from ending in order.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

try {
  process.exitCode = await dispatch(process.argv.slice(2), commands, (text) => process.stdout.write(text));
} catch (error) {
  if (!(error instanceof UsageError || error instanceof ConfigError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
