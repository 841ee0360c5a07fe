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
    const untouched = other.ended(1000);
    await raw.hset(`${rig.prefix}:job:${ended.id}`, 'status', 'canceled', 'finishedAt', Date.now());
    await raw.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
    expect(await outcome).toMatchObject({ status: 'canceled' });
    expect(await untouched).toBeNull();
  },
);
