import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { startTestGateway } from '../../../../test/support/gateway/index.ts';
import { startApp } from '../../../../test/support/processes/app-process.ts';
import { residentBytes } from '../../../../test/support/processes/process-table.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { BodyMemory } from '../body/body-memory.ts';
import { post } from './testing/client.ts';

const MEGABYTE = 1 << 20;

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());
afterEach(() => vi.restoreAllMocks());

/** A body of lines with images of `size` bytes each, generated while it is read. */
function imageLines(count: number, size: number): ReadableStream<Uint8Array> {
  const img = randomBytes(size).toString('base64');
  let made = 0;
  return new ReadableStream({
    pull(controller) {
      if (made === count) controller.close();
      else controller.enqueue(Buffer.from(`{"id":"${made++}","img":"${img}"}\n`));
    },
  });
}

describe('a gateway that receives 60 MB of lines', () => {
  it('holds only a chunk and a line of them', async () => {
    await using gateway = await startTestGateway(redis.url);
    const reserve = vi.spyOn(BodyMemory.prototype, 'reserve');
    const append = gateway.queue.batches.append.bind(gateway.queue.batches);
    const used: number[] = [];
    vi.spyOn(gateway.queue.batches, 'append').mockImplementation((...call) => {
      used.push((reserve.mock.contexts[0] as BodyMemory).used);
      return append(...call);
    });
    const small = await post(`${gateway.url}/batches`, imageLines(300, 150_000));
    expect(small).toMatchObject({ status: 202, body: { counts: { total: 300 } } });
    expect(Math.max(...used)).toBeLessThan(5 * MEGABYTE);
    const large = await post(`${gateway.url}/batches`, imageLines(3, 15e6));
    expect(large).toMatchObject({ status: 202, body: { counts: { total: 3 } } });
    // A line of 20 MB, and what was read together with its end.
    expect(Math.max(...used)).toBeLessThan(25 * MEGABYTE);
    expect((reserve.mock.contexts[0] as BodyMemory).used).toBe(0);
  });

  it('does not grow by them', async () => {
    await using gateway = await startApp(new URL('../main.ts', import.meta.url), {
      PORT: '0',
      REDIS_URL: redis.url,
      QUEUE_PREFIX: '{memory}',
    });
    const { url } = gateway.first as { url: string };
    const send = () => post(`${url}/batches`, imageLines(300, 150_000));
    // The first request warms the process up.
    expect((await send()).status).toBe(202);
    const before = residentBytes(gateway.pid);
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, residentBytes(gateway.pid));
    }, 20);
    for (let i = 0; i < 3; i++) expect((await send()).status).toBe(202);
    clearInterval(watch);
    console.log(
      `resident: ${(before / 1e6).toFixed()} MB after the first 60 MB, at most ${(most / 1e6).toFixed()} MB during three more`,
    );
    // What garbage collection has not freed yet; retained bodies would be 180 MB.
    expect(most - before).toBeLessThan(100e6);
  });
});
