/**
 * A Redis for one test file: from testcontainers where Docker answers, else the machine's own `redis-server`.
 * TEST_REDIS=docker|local forces one of the two. It ends with the test process, even one that is killed.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const IMAGE = 'redis:7-bookworm';

export interface TestRedis extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly mode: 'docker' | 'local';
  /** Stops it if it runs and starts it again on the same port. Data written before is kept, unless `kill` came first and it is not append-only. */
  restart(): Promise<void>;
  /** SIGKILL: every connection breaks and nothing more is written. `restart` brings it back. */
  kill(): Promise<void>;
  /** Freezes it: connections stay open and nothing answers. `resume` ends that. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** What the two ways of running a server have in common. */
interface Server {
  start(): Promise<void>;
  kill(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  remove(): Promise<void>;
}

export interface TestRedisOptions {
  /** Keeps an append-only file, as the product's Redis does. */
  appendonly?: boolean;
  /** A cluster of one node: it holds every slot and refuses scripts and commands whose keys lie in more than one. */
  cluster?: boolean;
}

export async function startRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  const mode = await chosenMode();
  // Another process can take the free port before the server does.
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const flags = ['--save', '', '--maxmemory-policy', 'noeviction', '--appendonly', options.appendonly ? 'yes' : 'no'];
    if (options.cluster) flags.push('--cluster-enabled', 'yes');
    let server: Server | undefined;
    try {
      server = mode === 'docker' ? await dockerServer(port, flags) : await localServer(port, flags);
      await answering(port);
      if (options.cluster) await holdAllSlots(port);
      return handle(server, mode, port, options.appendonly ?? false);
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

async function dockerServer(port: number, flags: string[]): Promise<Server> {
  // The watchdog below does what testcontainers' own reaper would, with one image fewer to pull.
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
    // Killing a container that is dead already is no failure.
    kill: () => docker('kill', '--signal', 'KILL', id).catch(() => docker('wait', id)),
    pause: () => docker('pause', id),
    resume: () => docker('unpause', id),
    async remove() {
      await docker('rm', '-fv', id);
      endWatch();
    },
  };
}

async function localServer(port: number, flags: string[]): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'facequeue-redis-'));
  const spawnServer = () => {
    const child = spawn(
      'redis-server',
      ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--daemonize', 'no', ...flags],
      { stdio: 'ignore', detached: true },
    );
    const exited = new Promise<void>((resolve, reject) => {
      child.once('exit', () => resolve());
      child.once('error', reject);
    });
    // A failure to spawn shows as a server that never answers.
    exited.catch(() => {});
    child.unref();
    return { child, exited, endWatch: watchdog(['sh', '-c', `kill -9 ${child.pid}; rm -rf '${folder}'`]) };
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
    async pause() {
      current.child.kill('SIGSTOP');
    },
    async resume() {
      current.child.kill('SIGCONT');
    },
    async remove() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Runs `argv` when this process ends in any way: the read ends when the kernel closes our end of the pipe.
 * @returns a function that calls it off
 */
function watchdog(argv: string[]): () => void {
  const child = spawn('sh', ['-c', 'read -r word; [ "$word" = off ] || exec "$@"', 'sh', ...argv], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.unref();
  child.stdin.on('error', () => {});
  return () => child.stdin.end('off\n');
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
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

async function holdAllSlots(port: number): Promise<void> {
  await command(port, 'CLUSTER ADDSLOTSRANGE 0 16383');
  const deadline = Date.now() + 20_000;
  // It says so with an error until it has noticed that nothing is missing.
  while (!(await command(port, 'GET probe')).startsWith('$-1')) {
    if (Date.now() > deadline) throw new Error(`Redis on port ${port} did not form a cluster within 20 s`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** One inline command on a connection of its own. @returns the first line of the answer */
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
