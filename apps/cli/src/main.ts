/** The `facequeue` command. */
import { COMMANDS } from './commands.ts';
import { runProgram } from './program.ts';

process.exitCode = await runProgram(process.argv.slice(2), COMMANDS, {
  stdout: (text) => void process.stdout.write(text),
  stderr: (line) => console.error(line),
});
