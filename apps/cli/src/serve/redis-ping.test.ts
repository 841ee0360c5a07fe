import { describe, expect, it } from 'vitest';
import { startRedis } from '../../../../test/support/redis/test-redis.ts';
import { pingRedis } from './redis-ping.ts';
import { startAnsweringServer } from './testing/answering-server.ts';

describe('pingRedis', () => {
  it('recognizes a Redis that is ready', async () => {
    await using redis = await startRedis();
    expect(await pingRedis(redis.url, 2000)).toBe('ready');
  });

  it('reports a refused password without the password', async () => {
    await using redis = await startRedis();
    const url = redis.url.replace('redis://', 'redis://:swordfish@');
    const error = await pingRedis(url, 2000).catch((error: Error) => error);
    expect(String(error)).toMatch(/cannot be used: ERR AUTH/);
    expect(String(error)).not.toContain('swordfish');
  });

  it('recognizes a Redis that loads its data', async () => {
    using server = await startAnsweringServer('-LOADING Redis is loading the dataset in memory\r\n');
    expect(await pingRedis(server.url, 2000)).toBe('loading');
  });

  it.each([
    ['a server that is not Redis', 'HTTP/1.1 400 Bad Request\r\n\r\n', /the server that answers is not Redis/],
    ['a server that never replies', '', /no reply within 0.2 s/],
  ])('refuses %s', async (_, answer, complaint) => {
    using server = await startAnsweringServer(answer);
    await expect(pingRedis(server.url, 200)).rejects.toThrow(complaint);
  });
});
