/**
 * A Redis for one test file: from testcontainers where Docker answers, else the machine's own `redis-server`.
 * TEST_REDIS=docker|local forces one of the two. It ends with the test process, even when that is killed.
 */
import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { freePort } from '../processes/free-port.ts';
import { dockerServer, IMAGE, localServer, type Server } from './redis-server.ts';

const run = promisify(execFile);

export interface TestRedis extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly mode: 'docker' | 'local';
  /** Stops it if it runs, and starts it again on the same port. Data is kept, unless `kill` came first and it is not append-only. */
  restart(): Promise<void>;
  /** SIGKILL: every connection breaks and nothing more is written. `restart` brings it back. */
  kill(): Promise<void>;
  /** Kills it and deletes its data: after `restart` it is empty. Only for a local server. */
  lose(): Promise<void>;
  /** Makes writes to its append-only file fail as on a full disk, until called with false. Only for a local server. */
  fillDisk(full: boolean): Promise<void>;
  /** Freezes it: connections stay open and nothing is answered, until `resume`. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

export interface TestRedisOptions {
  /**
   * Keeps an append-only file, as the product's Redis does. A write may wait there for a sync in progress, so a kill can lose what was just
   * acknowledged; with `always` it loses nothing, but a full disk ends the server.
   */
  appendonly?: boolean | 'always';
  /** A cluster of one node: it refuses scripts and commands whose keys lie in more than one slot. */
  cluster?: boolean;
  /** The machine's own server even where Docker answers, for tests that need its process or files. */
  local?: boolean;
}

export async function startRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  const mode = options.local ? 'local' : await chosenMode();
  // Another process can take the free port before the server does.
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const flags = ['--save', '', '--maxmemory-policy', 'noeviction', '--appendonly', options.appendonly ? 'yes' : 'no'];
    if (options.appendonly === 'always') flags.push('--appendfsync', 'always');
    if (options.cluster) flags.push('--cluster-enabled', 'yes');
    let server: Server | undefined;
    try {
      server = mode === 'docker' ? await dockerServer(port, flags) : await localServer(port, flags);
      await answering(port);
      if (options.cluster) await assignAllSlots(port);
      return handle(server, mode, port, Boolean(options.appendonly));
    } catch (error) {
      await server?.remove();
      if (attempt === 3) throw error;
    }
  }
}

function handle(server: Server, mode: TestRedis['mode'], port: number, appendonly: boolean): TestRedis {
  let up = true;
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= server.remove();
    return stopped;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    mode,
    async restart() {
      // Without an append-only file the data is what SAVE wrote last.
      if (up && !appendonly) await command(port, 'SAVE');
      await server.kill();
      await server.start();
      await answering(port);
      up = true;
    },
    async kill() {
      up = false;
      await server.kill();
    },
    async lose() {
      up = false;
      await server.lose();
    },
    fillDisk: (full) => server.fillDisk(full),
    pause: () => server.pause(),
    resume: () => server.resume(),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

let mode: Promise<TestRedis['mode']> | undefined;

function chosenMode(): Promise<TestRedis['mode']> {
  mode ??= (async () => {
    const forced = process.env['TEST_REDIS'];
    if (forced === 'docker' || forced === 'local') return forced;
    if (forced) throw new Error(`TEST_REDIS is ${JSON.stringify(forced)}; expected docker or local`);
    return (await dockerHasImage()) ? 'docker' : 'local';
  })();
  return mode;
}

async function dockerHasImage(): Promise<boolean> {
  try {
    await run('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: 3000 });
  } catch {
    return false;
  }
  try {
    await run('docker', ['image', 'inspect', IMAGE], { timeout: 3000 });
    return true;
  } catch {
    return run('docker', ['pull', '-q', IMAGE], { timeout: 60_000 }).then(
      () => true,
      () => false,
    );
  }
}

/** Resolves when the server answers PING; it may still be loading its data before. */
async function answering(port: number): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    try {
      if ((await command(port, 'PING')) === '+PONG') return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    if (Date.now() > deadline) throw new Error(`Redis on port ${port} did not answer within 20 s`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

async function assignAllSlots(port: number): Promise<void> {
  await command(port, 'CLUSTER ADDSLOTSRANGE 0 16383');
  const deadline = Date.now() + 20_000;
  // It answers with an error until it knows that all slots are assigned.
  while (!(await command(port, 'GET probe')).startsWith('$-1')) {
    if (Date.now() > deadline) throw new Error(`Redis on port ${port} did not form a cluster within 20 s`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Sends one inline command on a connection of its own. @returns the first line of the answer */
function command(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${text}\r\n`));
    let answer = '';
    socket.setTimeout(10_000, () => socket.destroy(new Error(`Redis did not answer ${text}`)));
    socket.on('data', (chunk) => {
      answer += chunk;
      const end = answer.indexOf('\r\n');
      if (end < 0) return;
      socket.destroy();
      resolve(answer.slice(0, end));
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('Redis closed the connection')));
  });
}
