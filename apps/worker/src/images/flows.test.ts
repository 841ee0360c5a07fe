/** One real worker with two engines, and two callers. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { freshInstallation } from '../testing/installation.ts';
import { startTestWorker } from '../testing/worker-process.ts';

const PORTRAIT = new Uint8Array(readFileSync(new URL('../../../../test/images/portrait-1.jpg', import.meta.url)));
const ENGINES = 2;

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

it("400 jobs of a caller start at most two images of each engine before another's one", async () => {
  await using fresh = await freshInstallation(redis);
  await using _ = await startTestWorker({ ...fresh.env, ENGINES: `${ENGINES}` });
  const submit = (flow: string) =>
    fresh.submit({ source: { kind: 'inline', bytes: PORTRAIT }, flow, startTimeoutMs: 600_000 });
  const flood = await Promise.all(Array.from({ length: 400 }, () => submit('flood')));
  const read = async (id: string) => (await fresh.queue.read(id))!;
  const ended = async () => (await read(flood[9]!)).status;
  await expect.poll(ended, { timeout: 20_000 }).toBe('succeeded');
  for (let i = 0; i < 3; i++) {
    const id = await submit('small');
    using wait = fresh.queue.wait(id);
    const one = (await wait.ended(20_000))!;
    expect(one.status).toBe('succeeded');
    const starts = (await Promise.all(flood.map(read))).map(({ startedAt }) => startedAt);
    const before = starts.filter((at) => at !== null && at > one.createdAt && at < one.startedAt!);
    expect(before.length).toBeLessThanOrEqual(2 * ENGINES);
    // They were not delayed by an end of the flood.
    expect(starts.filter((at) => at === null).length).toBeGreaterThan(50);
  }
});
