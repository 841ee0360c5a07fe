import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { readPage } from './stream-page.ts';

let redis: TestRedis;
let raw: Redis;
beforeAll(async () => {
  redis = await startRedis();
  raw = new Redis(redis.url);
});
afterAll(async () => {
  raw.disconnect();
  await redis.stop();
});

/** A stream with entries of these sizes, numbered from 1. @returns its key */
async function stream(sizes: number[]): Promise<string> {
  const key = `stream-${Math.random()}`;
  const pipeline = raw.pipeline();
  for (const [i, size] of sizes.entries()) pipeline.xadd(key, `${i + 1}-0`, 'r', Buffer.alloc(size - 1));
  await pipeline.exec();
  return key;
}

/** Numbers of the entries of each page, until one is empty. */
async function pages(key: string, max: number, from = ''): Promise<number[][]> {
  const all: number[][] = [];
  for (let after = from; ; ) {
    const page = (await readPage(raw, key, after, max)).map(([id]) => Number.parseInt(id.toString(), 10));
    if (page.length === 0) return all;
    all.push(page);
    after = String(page.at(-1));
  }
}

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe('a page of a stream', () => {
  it('has as many entries as were asked for, and the last one what is left', async () => {
    const key = await stream(Array(250).fill(100));
    for (const max of [1, 16, 17, 100, 249, 250, 251, 1000]) {
      const read = await pages(key, max);
      expect(read.flat()).toEqual(upTo(250));
      for (const page of read.slice(0, -1)) expect(page).toHaveLength(max);
    }
    expect(await pages(key, 100, '249')).toEqual([[250]]);
    expect(await pages(key, 100, '250')).toEqual([]);
    expect(await readPage(raw, 'none', '', 10)).toEqual([]);
  });

  it('has a megabyte at most: an entry that fits to the byte is in it, one byte more is not', async () => {
    const fits = await stream([400_000, 600_000, 1]);
    expect(await pages(fits, 100)).toEqual([[1, 2], [3]]);
    const exceeds = await stream([400_000, 600_001, 1]);
    expect(await pages(exceeds, 100)).toEqual([[1], [2, 3]]);
    // However many were read to find that out.
    const large = await stream(Array(64).fill(250_000));
    expect(await pages(large, 100)).toEqual(Array.from({ length: 16 }, (_, i) => upTo(4 * i + 4, 4 * i + 1)));
    const growing = await stream([...Array(40).fill(1000), ...Array(30).fill(100_000)]);
    const read = await pages(growing, 1000);
    expect(read.flat()).toEqual(upTo(70));
    for (const page of read) expect(page.filter((n) => n > 40).length).toBeLessThanOrEqual(10);
  });

  it('is read sixteen entries first, then as many as will fit, by the size of those', async () => {
    const key = await stream(Array(30).fill(50_000));
    using read = vi.spyOn(raw, 'xrangeBuffer');
    expect(await readPage(raw, key, '', 1000)).toHaveLength(20);
    expect(read.mock.calls.map((call) => call.at(-1))).toEqual([16, 4]);
  });

  it('has its first entry, however large that is', async () => {
    const key = await stream([10, 3_000_000, 2_000_000, 10]);
    expect(await pages(key, 100)).toEqual([[1], [2], [3], [4]]);
  });
});
