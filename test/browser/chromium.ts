import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Names of Chromium's program; the variable CHROMIUM names another. */
const NAMES = process.env['CHROMIUM'] ? [process.env['CHROMIUM']] : ['chromium', 'chromium-browser', 'google-chrome'];

/** An open page. Disposing it ends the browser and removes its profile. */
export interface Page extends AsyncDisposable {
  /** Rejects when the browser ends before it is disposed of; never resolves. */
  readonly crashed: Promise<never>;
}

/**
 * Opens a page in a headless Chromium of its own.
 * @throws when there is none
 */
export async function openPage(url: string): Promise<Page> {
  const profile = await mkdtemp(join(tmpdir(), 'facequeue-chromium-'));
  const args = [
    '--headless=new',
    // The tests may run as root and in small containers.
    '--no-sandbox',
    '--disable-dev-shm-usage',
    '--disable-gpu',
    '--no-first-run',
    '--disable-background-networking',
    // Names of other sites, for pages on this machine.
    '--host-resolver-rules=MAP *.example 127.0.0.1',
    `--user-data-dir=${profile}`,
    '--enable-logging=stderr',
    url,
  ];
  const child = await started(args);
  let log = '';
  child.stderr.on('data', (chunk) => {
    log = (log + chunk).slice(-10_000);
  });
  const exited = once(child, 'exit');
  const crashed = exited.then(() => {
    throw new Error(`Chromium has ended:\n${log}`);
  });
  crashed.catch(() => {});
  return {
    crashed,
    async [Symbol.asyncDispose]() {
      // Its renderers are in the same process group.
      process.kill(-child.pid!, 'SIGKILL');
      await exited;
      await rm(profile, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

async function started(args: string[]) {
  for (const name of NAMES) {
    const child = spawn(name, args, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    const there = await Promise.race([once(child, 'spawn').then(() => true), once(child, 'error').then(() => false)]);
    if (there) return child;
  }
  throw new Error(`none of ${NAMES.join(', ')} is installed; on Debian: apt-get install chromium`);
}
