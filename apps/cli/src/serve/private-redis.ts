import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { sleep } from '@facequeue/time';
import type { Home } from './home.ts';
import { pingRedis } from './redis-ping.ts';
import type { ServiceDefinition } from './service.ts';

const CONFIG_FILE = 'redis.conf';

/** A Redis that `serve` runs itself. */
export interface PrivateRedis {
  url: string;
  service: ServiceDefinition;
}

/**
 * Prepares a Redis that listens on loopback and requires a password. The password is new at every start and is only in a file
 * of mode 0600, so only those who can read the folder can use it. The data is kept between starts.
 * @param maxMemory bytes
 */
export async function privateRedis(home: Home, maxMemory: number, env: NodeJS.ProcessEnv): Promise<PrivateRedis> {
  const port = await freePort();
  const password = randomBytes(24).toString('base64url');
  const url = `redis://:${password}@127.0.0.1:${port}`;
  const [data, config, log] = [home.path('redis'), home.path(CONFIG_FILE), home.path('redis.log')];
  mkdirSync(data, { recursive: true, mode: 0o700 });
  removeUnfinishedRewrites(data);
  rmSync(log, { force: true });
  writeFileSync(config, redisConfig({ port, password, maxMemory, data, log }), { mode: 0o600 });
  return {
    url,
    service: {
      name: 'Redis',
      command: 'redis-server',
      args: [config],
      env: () => env,
      probe: (ended) => untilReady(url, ended),
      graceMs: 15_000,
      explain: () => lastLines(log),
    },
  };
}

/** A rewrite that was interrupted by a power cut leaves its file, which Redis neither reads nor removes: erased images may be in it. */
function removeUnfinishedRewrites(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && /^temp-.*\.(aof|rdb)$/.test(entry.name)) rmSync(join(entry.parentPath, entry.name));
  }
}

/**
 * Append-only with a sync every second: a crashed process loses nothing, a power cut at most the last second.
 * Nothing is evicted: when memory is full, new jobs are refused instead of old ones being lost.
 */
export function redisConfig(settings: {
  port: number;
  password: string;
  maxMemory: number;
  data: string;
  log: string;
}): string {
  const quoted = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
  return `bind 127.0.0.1
port ${settings.port}
requirepass ${settings.password}
dir ${quoted(settings.data)}
logfile ${quoted(settings.log)}
appendonly yes
appendfsync everysec
save ""
maxmemory ${settings.maxMemory}
maxmemory-policy noeviction
daemonize no
`;
}

/**
 * The address of the private Redis that `serve` last started in a folder.
 * @returns null when the folder has none that this user can read
 */
export function readPrivateRedisUrl(folder: string): string | null {
  try {
    const config = readFileSync(join(folder, CONFIG_FILE), 'utf8');
    const [port, password] = ['port', 'requirepass'].map((name) => new RegExp(`^${name} (.*)$`, 'm').exec(config)![1]);
    return `redis://:${password}@127.0.0.1:${port}`;
  } catch {
    return null;
  }
}

/** Resolves when Redis has loaded its data. Has no time limit of its own: a Redis that cannot start exits. */
async function untilReady(url: string, ended: AbortSignal): Promise<void> {
  for (;;) {
    ended.throwIfAborted();
    const state = await pingRedis(url, 2000).catch(() => 'starting');
    if (state === 'ready') return;
    await sleep(20);
  }
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

function lastLines(log: string): string {
  try {
    return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-5).join('\n');
  } catch {
    return '';
  }
}
