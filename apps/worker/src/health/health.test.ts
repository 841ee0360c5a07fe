import { Registry } from '@facequeue/metrics';
import { createLogger } from '@facequeue/service';
import { describe, expect, it, vi } from 'vitest';
import { startHeartbeat } from './heartbeat.ts';
import { startHealthServer } from './server.ts';

const log = createLogger('worker', 'silent');

describe('the health port', () => {
  it('shows which check failed, and not why; its answers have the security headers', async () => {
    let redis = true;
    const server = await startHealthServer(
      '127.0.0.1',
      0,
      {
        redis: async () => {
          if (!redis) throw new Error('connect ECONNREFUSED 10.1.2.3:6379');
        },
        engines: async () => {},
      },
      new Registry('worker'),
    );
    try {
      const get = async (path: string) => {
        const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
        return { status: response.status, body: await response.json() };
      };
      expect(await get('/livez')).toMatchObject({ status: 200 });
      expect(await get('/readyz')).toEqual({
        status: 200,
        body: { status: 'ok', checks: { redis: true, engines: true } },
      });
      redis = false;
      expect(await get('/readyz?verbose')).toEqual({
        status: 503,
        body: { status: 'not ready', checks: { redis: false, engines: true } },
      });
      expect(await get('/livez')).toMatchObject({ status: 200 });
      expect(await get('/jobs')).toMatchObject({ status: 404 });
      for (const path of ['/livez', '/readyz', '/metrics', '/jobs']) {
        const { headers } = await fetch(`http://127.0.0.1:${server.port}${path}`);
        expect(Object.fromEntries(headers), path).toMatchObject({
          'x-content-type-options': 'nosniff',
          'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
          'cross-origin-resource-policy': 'same-origin',
          'cache-control': 'no-store',
        });
      }
    } finally {
      server.close();
    }
  });

  it('counts a check that never answers as failed', async () => {
    const server = await startHealthServer(
      '127.0.0.1',
      0,
      { redis: () => new Promise(() => {}) },
      new Registry('worker'),
      50,
    );
    try {
      expect((await fetch(`http://127.0.0.1:${server.port}/readyz`)).status).toBe(503);
    } finally {
      server.close();
    }
  });

  it('gives a check 2 s to answer', async () => {
    const checks = { redis: () => new Promise<void>(() => {}) };
    const server = await startHealthServer('127.0.0.1', 0, checks, new Registry('worker'));
    try {
      const asked = performance.now();
      expect((await fetch(`http://127.0.0.1:${server.port}/readyz`)).status).toBe(503);
      expect(performance.now() - asked).toBeGreaterThan(1900);
      expect(performance.now() - asked).toBeLessThan(8000);
    } finally {
      server.close();
    }
  });

  it('in use is an error with the address in it', async () => {
    const first = await startHealthServer('127.0.0.1', 0, {}, new Registry('worker'));
    await expect(startHealthServer('127.0.0.1', first.port, {}, new Registry('worker'))).rejects.toThrow(
      `127.0.0.1:${first.port}`,
    );
    first.close();
  });
});

describe('the heartbeat', () => {
  it('continues after a failure, one beat at a time, until disposed', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      let beats = 0;
      let inside = 0;
      const beat = async () => {
        expect(++inside).toBe(1);
        await new Promise(setImmediate);
        inside--;
        if (++beats === 2) throw new Error('Redis is away');
      };
      const heartbeat = await startHeartbeat(beat, 2000, log);
      expect(beats).toBe(1);
      for (const expected of [2, 3, 4]) {
        await vi.advanceTimersByTimeAsync(2000);
        await vi.waitUntil(() => beats === expected && vi.getTimerCount() === 1);
      }
      heartbeat[Symbol.dispose]();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('beats once more a tenth of a second after it was asked to, however often', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const beat = vi.fn(async () => {});
      const heartbeat = await startHeartbeat(beat, 2000, log);
      heartbeat.beatSoon();
      heartbeat.beatSoon();
      await vi.advanceTimersByTimeAsync(99);
      expect(beat).toHaveBeenCalledTimes(1);
      await vi.advanceTimersByTimeAsync(1);
      expect(beat).toHaveBeenCalledTimes(2);
      heartbeat.beatSoon();
      await vi.advanceTimersByTimeAsync(100);
      expect(beat).toHaveBeenCalledTimes(3);
      const another = await startHeartbeat(beat, 2000, log);
      heartbeat.beatSoon();
      for (const one of [heartbeat, another]) {
        one[Symbol.dispose]();
        one.beatSoon();
      }
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('that fails the first time fails the start', async () => {
    const beat = () => Promise.reject(new Error('Redis is away'));
    await expect(startHeartbeat(beat, 1, log)).rejects.toThrow('Redis is away');
  });
});
