import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { ScriptHarness } from './script-harness.ts';

/** The Redis of the test file that calls `useScripts`, and a connection to it. */
export let redis: TestRedis;
export let raw: Redis;
/** Its scripts, on a fresh prefix for each test. */
export let by: ScriptHarness;

/** Starts a Redis for a test file of scripts; call it once, before the file's own hooks. */
export function useScripts(): void {
  beforeAll(async () => {
    redis = await startRedis();
    raw = new Redis(redis.url);
  });
  beforeEach(() => {
    by = new ScriptHarness(raw, `{fq-${randomUUID()}}`);
  });
  afterAll(async () => {
    raw.disconnect();
    await redis.stop();
  });
}
