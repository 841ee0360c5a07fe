import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { job, Rig } from '../testing/rig.ts';
import { by, raw, useScripts } from '../testing/scripts-on-redis.ts';
import { openLogRewriter } from './log-rewriter.ts';

const erasures = async () => Number(await raw.hget(by.key('stats'), 'erasures'));

describe('an erasure', () => {
  useScripts();

  it.each<[string, () => Promise<unknown>]>([
    ['a deleted job', () => by.erase('j', 'o')],
    ['a canceled job', () => by.cancel('j')],
    [
      'an expired job',
      async () => {
        await raw.hset(by.key('job:j'), 'expiresAt', 1);
        await by.hurry('j');
        await by.sweep();
      },
    ],
    [
      'a job that succeeds',
      async () => {
        await by.claim('j');
        await by.finish('j', 1);
      },
    ],
  ])('is counted for %s', async (_, end) => {
    await by.submit('j');
    expect(await erasures()).toBe(0);
    await end();
    expect(await erasures()).toBeGreaterThan(0);
  });

  it('is counted for a result whose time is over, a deleted batch and a deleted camera', async () => {
    await by.submit('j', { blob: Buffer.alloc(0), source: 'https://example.org/a.jpg' });
    await by.claim('j');
    await by.finish('j', 1);
    expect(await erasures()).toBe(0);
    await by.hurry('j');
    await by.sweep();
    expect(await erasures()).toBe(1);

    await by.create('b');
    await by.settle('b');
    await by.stop('b', 'erase');
    expect(await erasures()).toBe(2);

    await by.frame('f', 'gate', { bytes: Buffer.alloc(0) });
    await by.eraseCamera('gate');
    while ((await by.eraseCamera('gate')).more);
    expect(await erasures()).toBe(3);
  });
});

describe('the append-only file', () => {
  let server: TestRedis;
  let inspect: Redis;
  beforeEach(async () => {
    server = await startRedis({ appendonly: true });
    inspect = new Redis(server.url);
  });
  afterEach(async () => {
    inspect.disconnect();
    await server.stop();
  });

  const rewrites = async () => Number(/aof_rewrites:(\d+)/.exec(await inspect.info('persistence'))![1]);

  it('is rewritten once after erasures, also those of before, and not again before its time', async () => {
    await using rig = new Rig(server.url);
    const queue = await rig.gateway();
    const errors: Error[] = [];
    const open = (everyMs: number) =>
      openLogRewriter({ url: server.url, prefix: rig.prefix, everyMs, onError: (error) => errors.push(error) });
    const erased = async () => {
      const { id } = job();
      await queue.submit(job({ id }));
      await queue.erase(id, '');
    };
    const rewritten = () => inspect.hmget(`${rig.prefix}:stats`, 'erasures', 'rewrittenErasures');
    await erased();
    {
      await using _ = await open(3_600_000);
      await expect.poll(rewritten, { timeout: 20_000 }).toEqual(['2', '2']);
      expect(await rewrites()).toBe(1);
      await erased();
    }
    {
      await using _ = await open(1);
      await expect.poll(rewritten, { timeout: 20_000 }).toEqual(['4', '4']);
    }
    expect(await rewrites()).toBe(2);
    expect(errors).toEqual([]);
  });
});
