import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { audit } from '@facequeue/audit';
import { isFacequeueError } from '@facequeue/schema';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import type { GatewayQueue } from '../gateway-queue.ts';
import { allResults, batch, finished, items, made } from '../testing/batches.ts';
import { job, Rig, succeeded } from '../testing/rig.ts';
import { inlineItem, ScriptHarness, urlItem } from '../testing/script-harness.ts';
import type { NewItem } from './batch.ts';

let redis: TestRedis;
let raw: Redis;
beforeAll(async () => {
  redis = await startRedis({ appendonly: 'always' });
  raw = new Redis(redis.url);
});
afterAll(async () => {
  raw.disconnect();
  await redis.stop();
});

async function sound(rig: Rig): Promise<void> {
  expect((await audit(rig.url, rig.prefix)).findings).toEqual([]);
}

/** Every item is listed once, with its cursor in order, and succeeded. */
async function whole(rig: Rig, queue: GatewayQueue, id: string, of: NewItem[]): Promise<void> {
  expect(await finished(queue, id)).toMatchObject({ status: 'finished', counts: { succeeded: of.length } });
  const results = await allResults(queue, id);
  expect(results.map((each) => Number(each.cursor))).toEqual(of.map((_, i) => i + 1));
  expect(results.map((each) => each.name).sort()).toEqual(of.map((each) => each.name).sort());
  await sound(rig);
}

/** As `whole`, and soon: lost tokens are found after 5 s, the jobs of a dead worker after 5 to 7 s. */
async function wholeSoon(...batch: Parameters<typeof whole>): Promise<void> {
  const began = performance.now();
  await whole(...batch);
  expect(performance.now() - began).toBeLessThan(20_000);
}

/** Cuts every connection but its own. */
async function cutAll(): Promise<void> {
  for (const type of ['normal', 'pubsub']) await raw.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
}

/** Appends until it succeeds, as a caller that repeats its request. */
async function insistently(queue: GatewayQueue, id: string, of: NewItem[]): Promise<void> {
  await expect
    .poll(
      () =>
        queue.batches.append(id, '', of, 'skip').then(
          () => 'in',
          (error: Error) => (isFacequeueError(error) && error.code === 'unavailable' ? 'again' : error),
        ),
      { interval: 20, timeout: 20_000 },
    )
    .toBe('in');
}

describe('a batch whose processes die is run to its end', () => {
  it('though the gateway died before BullMQ had its lane tokens', async () => {
    await using rig = new Rig(redis.url);
    const queue = await rig.gateway();
    await rig.finishing();
    const by = new ScriptHarness(raw, rig.prefix);
    await by.create('b');
    const given = Array.from({ length: 20 }, (_, i) => inlineItem(`n${i}`));
    await by.append('b', given);
    await by.settle('b');
    await wholeSoon(rig, queue, 'b', given);
  });

  it('though the worker died between its claim and the next token', async () => {
    await using rig = new Rig(redis.url);
    const queue = await rig.gateway();
    const by = new ScriptHarness(raw, rig.prefix);
    const given = items(20);
    const id = await made(queue, given);
    for (const token of await by.tokensOf(`batch:${id}`)) {
      const { job, tokens } = await by.claim(token);
      expect([job?.attempt, tokens.length]).toEqual([1, 1]);
      await by.start(job!.id, 1);
    }
    await rig.finishing();
    await wholeSoon(rig, queue, id, given);
  });

  it('though a worker is killed while it has tokens', async () => {
    await using rig = new Rig(redis.url);
    const queue = await rig.gateway();
    const path = fileURLToPath(new URL('../testing/worker-process.ts', import.meta.url));
    const doomed = fork(path, [rig.url, rig.prefix, 'bulk']);
    await once(doomed, 'message');
    const taken: unknown[] = [];
    const all = new Promise<void>((resolve) => {
      doomed.on('message', (jobId) => {
        if (taken.push(jobId) === 8) resolve();
      });
    });
    const given = items(50);
    const id = await made(queue, given);
    await all;
    doomed.kill('SIGKILL');
    await rig.finishing();
    await wholeSoon(rig, queue, id, given);
    const again = (await allResults(queue, id)).filter((each) => each.attempts === 2);
    expect(again.map((each) => each.jobId).sort()).toEqual(taken.sort());
  });

  it('though every connection is cut repeatedly and Redis restarts', { timeout: 120_000 }, async () => {
    await using rig = new Rig(redis.url);
    const queue = await rig.gateway();
    await rig.finishing();
    await rig.finishing();
    const given = items(4000);
    const { id } = batch();
    await queue.batches.create(batch({ id, open: true }));
    await queue.batches.settle(id);
    for (let from = 0, round = 1; from < given.length; from += 200, round++) {
      const append = insistently(queue, id, given.slice(from, from + 200));
      if (round === 10) await redis.restart();
      else if (round % 3 === 0) await cutAll();
      await append;
    }
    await expect
      .poll(
        () =>
          queue.batches.close(id, '').then(
            () => true,
            () => false,
          ),
        { timeout: 20_000 },
      )
      .toBe(true);
    await cutAll();
    await expect.poll(() => queue.ping(), { timeout: 20_000 }).toBeUndefined();
    await whole(rig, queue, id, given);
  });
});

describe('a batch whose gateway dies', () => {
  it('before it settled is erased, and none of its items runs', async () => {
    await using rig = new Rig(redis.url);
    const queue = await rig.gateway();
    const by = new ScriptHarness(raw, rig.prefix);
    const { id } = batch();
    await queue.batches.create(batch({ id, webhookUrl: 'https://a.example/' }));
    await queue.batches.append(id, '', items(250), 'fail');
    await raw.hincrby(by.key(`batch:${id}`), 'lastAppend', -60_000);
    await by.hurry(`batch-${id}`);
    await expect.poll(() => queue.batches.read(id, ''), { timeout: 10_000 }).toBeNull();
    await expect.poll(async () => (await raw.keys(by.key(`*${id}`))).length, { timeout: 10_000 }).toBe(0);
    await expect(queue.batches.append(id, '', items(1), 'fail')).rejects.toMatchObject({ code: 'gone' });
    await expect(queue.batches.settle(id)).rejects.toMatchObject({ code: 'gone' });
    expect(await queue.snapshot()).toMatchObject({ blobBytes: 0, resultBytes: 0, queues: { bulk: { waiting: 0 } } });
    const worker = await rig.worker();
    for (const token of Object.keys(await raw.hgetall(by.key('turns'))))
      expect(await worker.claim(token, 'w')).toBeNull();
    await sound(rig);
  });

  it.each(['cancel', 'erase'] as const)(
    'in the middle of a stop is stopped by another process 5 s later: %s',
    async (how) => {
      await using rig = new Rig(redis.url);
      const queue = await rig.gateway();
      const by = new ScriptHarness(raw, rig.prefix);
      const id = await made(queue, items(3000));
      expect(await by.stop(id, how, 10)).toEqual({ exists: true, more: true });
      expect(await raw.llen(by.key(`lane:batch:${id}`))).toBe(2990);
      const began = performance.now();
      const ended = await finished(queue, id);
      expect(performance.now() - began).toBeLessThan(20_000);
      if (how === 'cancel') expect(ended).toMatchObject({ status: 'canceled', counts: { canceled: 3000 } });
      else await expect.poll(() => raw.exists(by.key(`batch:${id}`)), { timeout: 20_000 }).toBe(0);
      expect(await queue.snapshot()).toMatchObject({ blobBytes: 0, queues: { bulk: { waiting: 0 } } });
      await sound(rig);
    },
  );
});

describe('a full Redis', () => {
  it('accepts no items, though nothing waits', async () => {
    await using own = await startRedis();
    await using rig = new Rig(own.url);
    const queue = await rig.gateway();
    const { id } = batch();
    await queue.batches.create(batch({ id, open: true }));
    const full = new Redis(own.url);
    await full.config('SET', 'maxmemory', '1');
    const refused = { code: 'queue_full', message: 'the queue has no memory left' };
    await expect(queue.batches.append(id, '', items(1), 'skip')).rejects.toMatchObject(refused);
    await expect(queue.batches.append(id, '', [urlItem(null)], 'skip')).rejects.toMatchObject(refused);
    await expect(queue.submit(job({ queue: 'bulk' }))).rejects.toMatchObject(refused);
    await full.config('SET', 'maxmemory', '0');
    full.disconnect();
    expect(await audit(own.url, rig.prefix)).toMatchObject({ findings: [], jobs: {} });
  });

  it.each(['cancel', 'erase'] as const)('does not prevent stopping a batch: %s', async (how) => {
    await using own = await startRedis();
    await using rig = new Rig(own.url);
    const queue = await rig.gateway();
    const worker = await rig.worker();
    const id = await made(queue, items(3000));
    const full = new Redis(own.url);
    const by = new ScriptHarness(full, rig.prefix);
    const [token] = await by.tokensOf(`batch:${id}`);
    const claimed = (await worker.claim(token!, 'w'))!;
    await full.config('SET', 'maxmemory', '1');
    await expect(queue.batches.append(id, '', items(1), 'skip')).rejects.toMatchObject({ code: 'conflict' });
    await expect(queue.batches.create(batch())).rejects.toMatchObject({ code: 'queue_full' });
    expect(await worker.finish(claimed.id, 1, succeeded())).toBe(true);
    if (how === 'cancel') {
      expect(await queue.batches.cancel(id, '')).toMatchObject({ counts: { succeeded: 1, canceled: 2999, queued: 0 } });
    } else {
      expect(await queue.batches.erase(id, '')).toBe(true);
      expect(await queue.batches.erase(id, '')).toBe(true);
      expect(await queue.batches.read(id, '')).toBeNull();
    }
    await full.config('SET', 'maxmemory', '0');
    full.disconnect();
    expect((await audit(own.url, rig.prefix)).findings).toEqual([]);
  });
});

describe('the time of a batch', () => {
  it('over, none of its keys remain', async () => {
    await using rig = new Rig(redis.url);
    const queue = await rig.gateway({ batchTtlMs: 5000 });
    const worker = await rig.finishing();
    const warm = await made(queue, items(3));
    await finished(queue, warm);
    await expect.poll(() => queue.batches.read(warm, ''), { timeout: 20_000 }).toBeNull();
    const fixed = (await audit(rig.url, rig.prefix)).keys;
    const ids = await Promise.all([
      made(queue, [...items(200), urlItem(null), urlItem('item 7')]),
      made(queue, [], { open: true }),
      made(queue, items(300), { webhookUrl: 'https://a.example/' }),
      made(queue, [], { listing: { url: 's3://a/b/', suffixes: ['.jpg'] } }),
      made(queue, items(5), { output: { url: 's3://a/out', overwrite: true } }),
    ]);
    await queue.batches.close(ids[1]!, '');
    const seen = new Set<string>();
    while (seen.size < 2) {
      const task = await worker.tasks.lease(60_000);
      if (!task) continue;
      seen.add(task.kind);
      if (task.kind === 'list') await worker.tasks.append(task, items(5), '', 60_000);
      expect(await worker.tasks.finish(task, null)).toBe(true);
    }
    await expect
      .poll(async () => (await Promise.all(ids.map((id) => queue.batches.read(id, '')))).filter(Boolean).length, {
        timeout: 30_000,
      })
      .toBe(0);
    // The webhook outlives its batch and still reports it.
    const [delivery] = await worker.leaseWebhooks(9, 9, 60_000);
    expect(delivery).toMatchObject({ subject: { kind: 'batch', batch: { id: ids[2], counts: { succeeded: 300 } } } });
    const attempt = { at: 1, status: 200, error: null, ms: 1 };
    expect(await worker.reportWebhook(delivery!, { status: 'delivered', attempt })).toBe(true);
    expect(await queue.snapshot()).toMatchObject({ blobBytes: 0, resultBytes: 0, queues: { bulk: { waiting: 0 } } });
    await expect.poll(async () => (await audit(rig.url, rig.prefix)).keys, { timeout: 10_000 }).toEqual(fixed);
    await sound(rig);
  });
});
