import { randomUUID } from 'node:crypto';
import { audit } from '@facequeue/audit';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { ScriptHarness, urlItem } from '../testing/script-harness.ts';

const REPEATS = 1000;

let redis: TestRedis;
let connections: Redis[];
beforeAll(async () => {
  redis = await startRedis();
  connections = Array.from({ length: 6 }, () => new Redis(redis.url));
});
afterAll(async () => {
  for (const connection of connections) connection.disconnect();
  await redis.stop();
});

/** The same installation over several connections, as processes have it. */
function several(): [ScriptHarness, ScriptHarness, ScriptHarness, ScriptHarness, ScriptHarness, ScriptHarness] {
  const prefix = `{fq-${randomUUID()}}`;
  return connections.map((connection) => new ScriptHarness(connection, prefix)) as never;
}

/** All at once, in an order that is another each round. */
async function race(...calls: (() => Promise<unknown>)[]): Promise<unknown[]> {
  const shuffled = calls.map((_, i) => i).sort(() => Math.random() - 0.5);
  const answers: Promise<unknown>[] = [];
  for (const i of shuffled) answers[i] = calls[i]!();
  return Promise.all(answers);
}

const urls = (...names: (string | null)[]) => names.map(urlItem);

async function sound({ prefix }: ScriptHarness): Promise<void> {
  expect((await audit(redis.url, prefix)).findings).toEqual([]);
}

/** Name and status of each result, by name. */
async function results(by: ScriptHarness, id: string): Promise<Record<string, string>> {
  const entries = await by.raw.xrange(by.key(`results:${id}`), '-', '+');
  const listed = entries.map(([, [, name, , status]]) => [name!, status!] as const);
  expect(new Set(listed.map(([name]) => name)).size).toBe(listed.length);
  return Object.fromEntries(listed);
}

/** Takes and runs whatever waits of a batch. */
async function runOut(by: ScriptHarness, id: string): Promise<void> {
  for (;;) {
    const [token] = await by.tokensOf(`batch:${id}`);
    if (!token) return;
    const { job } = await by.claim(token);
    if (job) await by.finish(job.id, job.attempt);
  }
}

describe('each item ends once and is listed once', { timeout: 120_000 }, () => {
  it.each(['cancel', 'erase'] as const)('though it ends while its batch is stopped: %s', async (how) => {
    const [a, b, c, d, e, f] = several();
    for (let round = 0; round < REPEATS; round++) {
      const id = `b${round}`;
      await a.create(id);
      const { tokens } = await a.append(id, urls('1', '2', '3', '4', '5', '6'));
      await a.settle(id);
      const claims = await Promise.all(tokens.slice(0, 3).map((token) => a.claim(token)));
      const jobs = claims.map(({ job }) => job!);
      await a.start(jobs[0]!.id, 1);
      const [first, second, third] = await race(
        () => a.finish(jobs[0]!.id, 1),
        () => b.finish(jobs[1]!.id, 1),
        () => c.finish(jobs[2]!.id, 1),
        () => d.stop(id, how, 1),
        () => e.claim(tokens[3]!),
        () => f.cancelRemaining(id, 2),
        () => f.cancelRemaining(id, 2),
      );
      while (await a.cancelRemaining(id, 2));
      if (how === 'erase') {
        expect(await a.raw.keys(a.key(`*:${id}`))).toEqual([a.key(`gone:${id}`)]);
        continue;
      }
      const word = (won: unknown) => (won ? 'succeeded' : 'canceled');
      const rest = { 4: 'canceled', 5: 'canceled', 6: 'canceled' };
      expect(await results(a, id)).toEqual({ 1: word(first), 2: word(second), 3: word(third), ...rest });
      expect(await a.raw.hget(a.key(`batch:${id}`), 'state')).toBe('canceled');
    }
    await a.sweep();
    await sound(a);
  });

  it('though its batch is closed during the append', async () => {
    const [a, b, c, d] = several();
    const seen = new Set<string>();
    for (let round = 0; round < REPEATS; round++) {
      const id = `b${round}`;
      await a.create(id, { open: true });
      await a.settle(id);
      const [one, two] = (await race(
        () => a.append(id, urls('1', '2'), 'skip'),
        () => b.append(id, urls('2', '3', null), 'skip'),
        () => c.close(id),
        () => d.close(id),
      )) as Awaited<ReturnType<ScriptHarness['append']>>[];
      const total = [one, two].reduce((sum, reply) => sum + (reply!.counts[0] ?? 0), 0);
      const answers = `${one!.answer} ${two!.answer}`;
      seen.add(answers);
      expect(answers + total).toMatch(/^(ok ok4|ok closed2|closed ok3|closed closed0)$/);
      await runOut(a, id);
      expect(Object.values(await results(a, id))).toEqual(Array(total).fill('succeeded'));
      expect(await a.raw.hget(a.key(`batch:${id}`), 'state')).toBe('finished');
    }
    // The race was one.
    expect(seen.size).toBeGreaterThan(2);
    await sound(a);
  });

  it('though two gateways append the same names', async () => {
    const [a, b, c] = several();
    for (let round = 0; round < REPEATS; round++) {
      const id = `b${round}`;
      await a.create(id, { open: true });
      await a.settle(id);
      const replies = (await race(
        () => a.append(id, urls('1', '2', '3'), 'skip'),
        () => b.append(id, urls('3', '2', '1'), 'skip'),
        () => c.append(id, urls('2', '4'), 'skip'),
      )) as Awaited<ReturnType<ScriptHarness['append']>>[];
      const [accepted, skipped, failed] = [0, 1, 2].map((i) =>
        replies.reduce((sum, { counts }) => sum + counts[i]!, 0),
      );
      expect([accepted, skipped, failed]).toEqual([4, 4, 0]);
      await a.close(id);
      await runOut(b, id);
      expect(await results(a, id)).toEqual({ 1: 'succeeded', 2: 'succeeded', 3: 'succeeded', 4: 'succeeded' });
    }
    await sound(a);
  });
});

describe('a task', { timeout: 120_000 }, () => {
  it('is leased to one of all workers that ask at once', async () => {
    const workers = several();
    const [a] = workers;
    for (let round = 0; round < REPEATS; round++) {
      await a.create(`b${round}`, { listing: true });
      await a.settle(`b${round}`);
      const taken = await race(...workers.map((worker) => () => worker.leaseTask()));
      expect(taken.filter(Boolean)).toEqual([['list', `b${round}`, 1, 1, '']]);
      const ends = await race(...workers.map((worker) => () => worker.endListing(`b${round}`)));
      expect(ends.filter(Boolean)).toHaveLength(1);
    }
    await sound(a);
  });

  it('whose lease is over is continued by one of two workers: its old one, or the next from where that one was', async () => {
    const [a, b, c] = several();
    const seen = new Set<string>();
    for (let round = 0; round < REPEATS / 2; round++) {
      const id = `b${round}`;
      await a.create(id, { listing: true });
      await a.settle(id);
      await a.leaseTask();
      await a.raw.zadd(a.key('tasks'), 1, `list ${id}`);
      const append = (by: ScriptHarness, lease: number, name: string) =>
        by.append(id, urls(name), 'skip', { task: { lease, state: `after ${name}` } });
      const [page, ended, next] = (await race(
        () => append(a, 1, 'page 1'),
        () => b.endListing(id),
        () => c.leaseTask(),
      )) as [Awaited<ReturnType<typeof append>>, boolean, Awaited<ReturnType<ScriptHarness['leaseTask']>>];
      const state = page.answer === 'ok' ? 'after page 1' : '';
      // An append makes the lease last again, and an end is the end: then there is nothing to lease.
      expect(next).toEqual(page.answer === 'ok' || ended ? null : ['list', id, 2, 2, '']);
      seen.add(`${page.answer} ${ended}`);
      if (next) {
        expect((await append(a, 1, 'page 1')).answer).toBe('lost');
        expect(await a.endListing(id)).toBe(false);
        expect((await append(c, 2, 'page 1')).answer).toBe('ok');
      }
      expect(await a.raw.hget(a.key(`batch:${id}`), 'listState')).toBe(next ? 'after page 1' : state || null);
      await a.stop(id, 'cancel');
      expect(await results(a, id)).toEqual(next || state ? { 'page 1': 'canceled' } : {});
      await a.stop(id, 'erase');
    }
    // The old worker was in time to append, to end, to do both, and to do neither.
    expect(seen.size).toBeGreaterThan(2);
    await sound(a);
  });

  it('that lists and repeats an append appends once', async () => {
    const [a, b] = several();
    await a.create('b', { listing: true });
    await a.settle('b');
    await a.leaseTask();
    const task = { lease: 1, state: 'page 2' };
    const append = (by: ScriptHarness) => by.append('b', urls('s3://a/1', 's3://a/2'), 'skip', { task });
    expect(await append(a)).toMatchObject({ answer: 'ok', counts: [2, 0, 0] });
    expect(await append(b)).toMatchObject({ answer: 'ok', counts: [0, 2, 0], tokens: [] });
    expect(await a.raw.hmget(a.key('batch:b'), 'total', 'listState')).toEqual(['2', 'page 2']);
    await sound(a);
  });

  it.each(['cancel', 'erase'] as const)('that lists cannot append after a %s', async (how) => {
    const [a, b, c] = several();
    for (let round = 0; round < REPEATS / 2; round++) {
      const id = `b${round}`;
      await a.create(id, { listing: true });
      await a.settle(id);
      await a.leaseTask();
      const task = { lease: 1, state: '' };
      const [, reply] = (await race(
        () => a.stop(id, how),
        () => b.append(id, urls('s3://a/1'), 'skip', { task }),
        () => c.endListing(id),
      )) as [unknown, Awaited<ReturnType<ScriptHarness['append']>>];
      expect(['ok', 'lost']).toContain(reply.answer);
      expect((await b.append(id, urls('s3://a/2'), 'skip', { task })).answer).toBe('lost');
      if (how === 'cancel')
        expect(await results(a, id)).toEqual(reply.answer === 'ok' ? { 's3://a/1': 'canceled' } : {});
    }
    await a.sweep();
    await sound(a);
  });
});
