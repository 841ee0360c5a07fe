import { randomUUID } from 'node:crypto';
import { audit } from '@facequeue/audit';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { ScriptHarness } from '../testing/script-harness.ts';

const REPEATS = 1000;

let redis: TestRedis;
let connections: Redis[];
beforeAll(async () => {
  redis = await startRedis();
  connections = Array.from({ length: 4 }, () => new Redis(redis.url));
});
afterAll(async () => {
  for (const connection of connections) connection.disconnect();
  await redis.stop();
});

it('a frame is superseded or claimed, never both, and the newest always remains', async () => {
  const prefix = `{fq-${randomUUID()}}`;
  const [a, b, c, d] = connections.map((connection) => new ScriptHarness(connection, prefix)) as [
    ScriptHarness,
    ScriptHarness,
    ScriptHarness,
    ScriptHarness,
  ];
  const expected = { posted: 0, succeeded: 0, superseded: 0 };
  for (let round = 0; round < REPEATS; round++) {
    const [old, first, second] = [`o${round}`, `f${round}`, `s${round}`];
    await a.frame(old, 'gate');
    const [token] = await a.tokensOf('camera:/gate');
    const calls: [() => Promise<unknown>, () => Promise<unknown>, () => Promise<unknown>] = [
      () => b.frame(first, 'gate'),
      () => c.frame(second, 'gate'),
      () => d.claim(token!),
    ];
    if (round % 2) calls.reverse();
    await Promise.all(calls.map((call) => call()));
    expected.posted += 3;
    const taken: string[] = [];
    for (const id of [old, first, second]) {
      const [status, code, token] = await a.raw.hmget(a.key(`job:${id}`), 'status', 'errorCode', 'ticket');
      if (status === 'canceled') {
        expect([code, token]).toEqual(['superseded', null]);
        expected.superseded++;
      } else if (token) taken.push(id);
    }
    expect(taken).toHaveLength(1);
    expect(await a.finish(taken[0]!, 1)).toBe(true);
    expected.succeeded++;
    const [left] = await a.tokensOf('camera:/gate');
    if (left) {
      const { job } = await a.claim(left);
      expect(await a.finish(job!.id, 1)).toBe(true);
      expected.succeeded++;
    }
  }
  const fields = Object.keys(expected);
  const stored = await a.raw.hmget(a.key('camera:/gate'), ...fields, 'waiting', 'processing');
  expect(stored.map(Number)).toEqual([...Object.values(expected), 0, 0]);
  expect((await audit(redis.url, prefix)).findings).toEqual([]);
}, 120_000);
