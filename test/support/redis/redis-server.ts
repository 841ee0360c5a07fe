/** The two ways to run a Redis server for test-redis.ts. Either ends with this process, even when it is killed. */
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { watchdog } from '../processes/watchdog.ts';

const run = promisify(execFile);
export const IMAGE = 'redis:7-bookworm';

/** A running server, of either kind. */
export interface Server {
  start(): Promise<void>;
  kill(): Promise<void>;
  lose(): Promise<void>;
  fillDisk(full: boolean): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  remove(): Promise<void>;
}

export async function dockerServer(port: number, flags: string[]): Promise<Server> {
  // The watchdog does what testcontainers' own reaper would, with one image fewer to pull.
  process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';
  const { GenericContainer, Wait } = await import('testcontainers');
  const container = await new GenericContainer(IMAGE)
    // A fixed host port: Docker gives a restarted container another one otherwise.
    .withExposedPorts({ container: 6379, host: port })
    // Clients come from outside its loopback, which protected mode refuses; the host port is published for the tests.
    .withCommand(['redis-server', '--protected-mode', 'no', ...flags])
    .withWaitStrategy(Wait.forLogMessage('Ready to accept connections'))
    .start();
  const id = container.getId();
  const endWatch = watchdog(['docker', 'rm', '-fv', id]);
  const docker = (...args: string[]) => run('docker', args).then(() => undefined);
  return {
    start: () => docker('start', id),
    // A container that has ended cannot be killed.
    kill: () => docker('kill', '--signal', 'KILL', id).catch(() => docker('wait', id)),
    lose: onlyLocal,
    fillDisk: onlyLocal,
    pause: () => docker('pause', id),
    resume: () => docker('unpause', id),
    async remove() {
      await docker('rm', '-fv', id);
      endWatch();
    },
  };
}

async function onlyLocal(): Promise<never> {
  throw new Error('only a local Redis can do this: start it with local: true');
}

export async function localServer(port: number, flags: string[]): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'facequeue-redis-'));
  const keepFolder = watchdog(['rm', '-rf', folder]);
  const spawnServer = () => {
    const own = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--daemonize', 'no'];
    // Past its file size limit (see fillDisk), a write must fail instead of ending the process.
    const child = spawn('sh', ['-c', 'trap "" XFSZ; exec redis-server "$@"', 'sh', ...own, ...flags], {
      stdio: 'ignore',
      detached: true,
    });
    const exited = new Promise<void>((resolve, reject) => {
      child.once('exit', () => resolve());
      child.once('error', reject);
    });
    // A failure to spawn shows as a server that never answers.
    exited.catch(() => {});
    child.unref();
    return { child, exited, endWatch: watchdog(['kill', '-9', String(child.pid)]) };
  };
  let current = spawnServer();
  const kill = async () => {
    current.child.ref();
    current.child.kill('SIGKILL');
    await current.exited;
    current.endWatch();
  };
  return {
    async start() {
      current = spawnServer();
    },
    kill,
    async lose() {
      await kill();
      await rm(folder, { recursive: true });
      await mkdir(folder);
    },
    async fillDisk(full) {
      const limit = full ? '1' : 'unlimited';
      await run('prlimit', ['--pid', String(current.child.pid), `--fsize=${limit}:`]);
    },
    async pause() {
      current.child.kill('SIGSTOP');
    },
    async resume() {
      current.child.kill('SIGCONT');
    },
    async remove() {
      await kill();
      await rm(folder, { recursive: true, force: true });
      keepFolder();
    },
  };
}
