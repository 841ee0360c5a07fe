import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Home } from './home.ts';
import { pingRedis } from './redis-ping.ts';
import type { ServiceDefinition } from './service.ts';

/** A Redis of our own: its service and how to reach it. */
export interface PrivateRedis {
  url: string;
  service: ServiceDefinition;
}

/**
 * Prepares a Redis that only this machine can reach and only who may read the folder can use: the password is new with
 * every start and stands in a file of mode 0600 alone. Its data stays between starts.
 * @param maxMemory bytes
 */
export async function privateRedis(home: Home, maxMemory: number, env: NodeJS.ProcessEnv): Promise<PrivateRedis> {
  const port = await freePort();
  const password = randomBytes(24).toString('base64url');
  const url = `redis://:${password}@127.0.0.1:${port}`;
  const [data, config, log] = [home.path('redis'), home.path('redis.conf'), home.path('redis.log')];
  mkdirSync(data, { recursive: true, mode: 0o700 });
  rmSync(log, { force: true });
  writeFileSync(config, redisConfig({ port, password, maxMemory, data, log }), { mode: 0o600 });
  return {
    url,
    service: {
      name: 'Redis',
      command: 'redis-server',
      args: [config],
      env: () => env,
      probe: (ended) => answering(url, ended),
      graceMs: 15_000,
      explain: () => lastLines(log),
    },
  };
}

/**
 * Append-only with a sync every second: a crash of a process loses nothing, a power cut at most the last second.
 * Nothing is evicted: jobs are refused at the door instead of being dropped.
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

/** Resolves when it has loaded its data, however long that takes; how long it may take to listen is up to its end. */
async function answering(url: string, ended: AbortSignal): Promise<void> {
  for (;;) {
    ended.throwIfAborted();
    const state = await pingRedis(url, 2000).catch(() => 'starting');
    if (state === 'ready') return;
    await delay(20);
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
