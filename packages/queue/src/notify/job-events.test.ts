import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { job, LONG, Rig } from '../testing/rig.ts';

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

// An end whose message reached nobody is found when either connection is back: the other one may have failed to read it.
it.each(['normal', 'pubsub'])(
  'a wait learns of an end without a message when the %s connection is made anew',
  async (type) => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const [ended, waiting] = [job(), job()];
    await gateway.submit(ended);
    await gateway.submit(waiting);
    using wait = gateway.wait(ended.id);
    using other = gateway.wait(waiting.id);
    const outcome = wait.ended(LONG);
    const untouched = other.ended(LONG);
    await raw.hset(`${rig.prefix}:job:${ended.id}`, 'status', 'canceled', 'finishedAt', Date.now());
    await raw.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
    expect(await outcome).toMatchObject({ status: 'canceled' });
    expect(await Promise.race([untouched, 'waiting'])).toBe('waiting');
    // The gateway may still be about to reconnect.
    await expect.poll(() => gateway.ping()).toBeUndefined();
    await gateway.cancel(waiting.id);
    expect(await untouched).toMatchObject({ id: waiting.id, status: 'canceled' });
  },
);

it('a gateway and a worker report that they may not subscribe again, and hear messages once they may', async () => {
  await using rig = new Rig(redis.url);
  const [gateway, worker] = [await rig.gateway(), await rig.worker()];
  const given = job();
  using wait = gateway.wait(given.id);
  const outcome = wait.ended(LONG);
  const aborted = Promise.withResolvers<void>();
  await worker.consume('interactive', { concurrency: 1 }, async (id, signal) => {
    signal.addEventListener('abort', () => aborted.resolve());
    const claimed = await worker.claim(id, 'w');
    await worker.start(claimed!.id, claimed!.attempt);
    await aborted.promise;
  });
  // Else a failure here would wait for the handler.
  using _ = { [Symbol.dispose]: () => aborted.resolve() };
  const refusals = () => rig.errors.filter(({ message }) => message.includes('NOPERM')).length;
  try {
    // Redis closes the connections of those that listen.
    await raw.call('ACL', 'SETUSER', 'default', 'resetchannels');
    await expect.poll(refusals, { timeout: 10_000 }).toBe(2);
  } finally {
    await raw.call('ACL', 'SETUSER', 'default', 'allchannels');
  }
  await raw.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  const [ended, canceled] = [`${rig.prefix}:ended`, `${rig.prefix}:cancel`];
  await expect
    .poll(() => raw.call('PUBSUB', 'NUMSUB', ended, canceled), { timeout: 10_000 })
    .toEqual([ended, 1, canceled, 1]);
  await expect.poll(() => gateway.ping(), { timeout: 10_000 }).toBeUndefined();
  await gateway.submit(given);
  await expect.poll(async () => (await gateway.read(given.id))?.status, { timeout: 10_000 }).toBe('processing');
  await gateway.cancel(given.id);
  expect(await outcome).toMatchObject({ status: 'canceled' });
  await aborted.promise;
});
