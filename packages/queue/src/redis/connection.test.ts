import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { freePort } from '../../../../test/support/processes/free-port.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { proxyTo } from '../testing/proxy.ts';
import { openConnection } from './connection.ts';

const KINDS = ['gateway', 'worker', 'subscriber'] as const;

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** Accepts connections and never answers. */
async function silentServer(): Promise<{ server: Server; port: number; sockets: Socket[] } & Disposable> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}).resume());
  });
  const port = await freePort();
  await once(server.listen(port, '127.0.0.1'), 'listening');
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { server, port, sockets, [Symbol.dispose]: close };
}

describe('a connection', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] }));
  afterEach(() => void vi.useRealTimers());

  /** Waits without letting time pass for the timers, as expect.poll would. */
  const settle = async (condition: () => boolean) => {
    const deadline = performance.now() + 10_000;
    while (!condition() && performance.now() < deadline) await new Promise(setImmediate);
    expect(condition()).toBe(true);
  };

  it.each(KINDS)('of a %s is asked every 5 s, cut when it is silent for 2 s, and made anew', async (kind) => {
    await using proxy = await proxyTo(redis.port);
    await using connection = await openConnection(proxy.url, kind, () => {});
    const ping = vi.spyOn(connection.redis, 'ping');
    const seen: string[] = [];
    for (const event of ['close', 'ready']) connection.redis.on(event, () => seen.push(event));
    await vi.advanceTimersByTimeAsync(4900);
    expect(ping).toHaveBeenCalledTimes(0);
    await vi.advanceTimersByTimeAsync(200);
    expect(ping).toHaveBeenCalledTimes(1);
    await ping.mock.results[0]!.value;
    await vi.advanceTimersByTimeAsync(4800);
    proxy.swallow('everything');
    // It is asked at 10 s, cut at 12 s, and gone when its peer has not agreed within 0.2 s.
    await vi.advanceTimersByTimeAsync(2000);
    expect(seen).toEqual([]);
    await vi.advanceTimersByTimeAsync(300);
    await settle(() => seen[0] === 'close');
    await vi.advanceTimersByTimeAsync(125);
    await settle(() => seen[1] === 'ready');
    expect(await connection.redis.ping()).toBe('PONG');
  });

  it.each(KINDS)('of a %s that is silent while it is being made is cut as soon, and made anew', async (kind) => {
    await using proxy = await proxyTo(redis.port);
    await using connection = await openConnection(proxy.url, kind, () => {});
    const made: string[] = [];
    for (const event of ['connect', 'ready']) connection.redis.on(event, () => made.push(event));
    proxy.swallow('whatever comes');
    connection.redis.disconnect(true);
    await vi.advanceTimersByTimeAsync(400);
    await settle(() => made[0] === 'connect');
    proxy.recover();
    // Asked after 5 s at most, cut after 2 s, gone 0.2 s later. That of a gateway has a limit of 5 s on each command besides.
    await vi.advanceTimersByTimeAsync(7200);
    await settle(() => connection.redis.status !== 'connect');
    await vi.advanceTimersByTimeAsync(1250);
    await settle(() => made.at(-1) === 'ready');
  });

  it.each(KINDS)('of a %s is not asked while Redis is away', async (kind) => {
    const proxy = await proxyTo(redis.port);
    await using connection = await openConnection(proxy.url, kind, () => {});
    await proxy[Symbol.asyncDispose]();
    await settle(() => connection.redis.status === 'reconnecting');
    const ping = vi.spyOn(connection.redis, 'ping');
    await vi.advanceTimersByTimeAsync(20_000);
    expect(ping).not.toHaveBeenCalled();
  });

  it.each(KINDS)('of a %s fails with unavailable when Redis is not ready within 10 s, and is closed', async (kind) => {
    using silent = await silentServer();
    const failed = vi.fn();
    const opening = openConnection(`redis://127.0.0.1:${silent.port}`, kind, () => {}).catch(failed);
    await settle(() => silent.sockets.length > 0);
    for (let passed = 0; passed < 9900; passed += 100) await vi.advanceTimersByTimeAsync(100);
    expect(failed).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(200);
    await opening;
    expect(failed.mock.calls).toMatchObject([[{ code: 'unavailable', message: 'the queue is not reachable' }]]);
    const made = silent.sockets.length;
    await vi.advanceTimersByTimeAsync(10_000);
    await settle(() => silent.sockets.every(({ destroyed }) => destroyed));
    expect(silent.sockets).toHaveLength(made);
  });
});

describe('a connection that cannot be made', () => {
  it('fails with what went wrong as its cause, reports that, and is not tried any more', async () => {
    const port = await freePort();
    const reported: string[] = [];
    const opening = openConnection(
      `redis://127.0.0.1:${port}`,
      'worker',
      ({ message }) => reported.push(message),
      2000,
    );
    await expect(opening).rejects.toMatchObject({
      code: 'unavailable',
      cause: { message: expect.stringContaining('ECONNREFUSED') },
    });
    expect(new Set(reported)).toEqual(new Set([`connect ECONNREFUSED 127.0.0.1:${port}`]));
    const before = reported.length;
    // The next attempt would have been within 1.25 s.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(reported).toHaveLength(before);
  });
});

describe('a connection to a server that has become a replica', () => {
  it.each(KINDS)('of a %s is made anew: another server may have its place', async (kind) => {
    await using connection = await openConnection(redis.url, kind, () => {});
    const raw = new Redis(redis.url);
    await raw.call('REPLICAOF', '127.0.0.1', '1');
    try {
      const again = once(connection.redis, 'ready');
      await expect(connection.redis.set('x', 'y')).rejects.toThrow('READONLY');
      await again;
    } finally {
      await raw.call('REPLICAOF', 'NO', 'ONE');
      raw.disconnect();
    }
    expect(await connection.redis.set('x', 'y')).toBe('OK');
  });
});
