import { spawnSync } from 'node:child_process';
import { NO_SANDBOX, type Sandbox } from './sandbox.ts';

/** The program and arguments with which `child_process.fork` starts an engine. */
export interface Launcher {
  execPath: string;
  execArgv: string[];
}

/**
 * An engine's JavaScript makes little garbage (pixels lie outside the heap), so its young generation can stay small: with 4 MB instead of 1 it is
 * collected in every twentieth image instead of every fifth, at the same CPU time, and takes 9 MB more. Together with one malloc arena (see
 * `engineEnvironment`) this takes an engine from 330 MB to 270 MB. A larger old space (`--initial-old-space-size`) gains nothing: pixels
 * lie in memory that is reused, and outputs of models are freed at once, so there is no full collection in hundreds of images. `gc` is
 * exposed because the engine collects garbage before a large image (main.ts).
 */
const NODE_FLAGS = ['--max-semi-space-size=1', '--expose-gc'];

/**
 * A launcher whose processes the kernel kills when this one dies. An engine ends by itself when its parent disconnects,
 * but not while it hangs inside native code; with PR_SET_PDEATHSIG (`setpriv` of util-linux, part of every Debian) it
 * ends even then. Where `setpriv` cannot do this, engines are started by Node alone.
 * @param sandbox in which they run; by default in none
 */
export function engineLauncher({ command }: Pick<Sandbox, 'command'> = NO_SANDBOX): Launcher {
  const [first, ...rest] = command.length > 0 ? command : killedWithParent();
  return first
    ? { execPath: first, execArgv: [...rest, process.execPath, ...NODE_FLAGS] }
    : { execPath: process.execPath, execArgv: NODE_FLAGS };
}

function killedWithParent(): string[] {
  const setpriv = ['--pdeathsig', 'KILL', '--'];
  const works = spawnSync('setpriv', [...setpriv, 'true'], { stdio: 'ignore' }).status === 0;
  return works ? ['setpriv', ...setpriv] : [];
}
