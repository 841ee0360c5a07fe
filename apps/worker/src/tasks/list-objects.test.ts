import { FacequeueError } from '@facequeue/schema';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { listObjects } from './list-objects.ts';
import { MAX_TRIES, runTask } from './run-task.ts';
import { LEASE_MS, type TaskDeps } from './task.ts';
import {
  askedFor,
  badItems,
  failedWith,
  leased,
  openTaskHarness,
  outcomesOf,
  type TaskHarness,
} from './testing/task-harness.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const never = new AbortController().signal;
const ROOMY = { maxBlobBytes: 1e9, maxResultBytes: 1e9, maxOldestMs: 1e9 };
const photo = (i: number) => `day/${String(i).padStart(4, '0')}.jpg`;
const urlsOf = (count: number) => Array.from({ length: count }, (_, i) => `s3://photos/${photo(i)}`);

async function fill({ s3 }: TaskHarness, count: number) {
  for (let from = 0; from < count; from += 50)
    await Promise.all(
      Array.from({ length: Math.min(50, count - from) }, (_, i) => s3.put('photos', photo(from + i), 'image')),
    );
}

const listing = (url = 's3://photos/day/') => ({ listing: { url, suffixes: ['.jpg'] } });

describe('a listing', () => {
  it('makes an item of every object, over several pages, in order', async () => {
    await using here = await openTaskHarness(redis);
    await fill(here, 600);
    await here.s3.put('photos', 'day/notes.txt', 'text');
    await here.runItems();
    await here.worker();
    const id = await here.batch(listing());
    const batch = await here.ended(id);
    expect(batch).toMatchObject({ status: 'finished', listing: { status: 'done', error: null } });
    expect(batch.counts).toMatchObject({ total: 600, succeeded: 600 });
    const results = await here.results(id);
    expect(results.map(({ name }) => name).sort()).toEqual(urlsOf(600));
    expect(new Map(results.map(({ name, line }) => [line, name])).get(600)).toBe(urlsOf(600)[599]);
    expect(here.s3.requests.filter(({ operation }) => operation === 'list')).toHaveLength(3);
  });

  it('that finds nothing ends the batch', async () => {
    await using here = await openTaskHarness(redis);
    await here.worker();
    const batch = await here.ended(await here.batch(listing()));
    expect(batch).toMatchObject({ status: 'finished', counts: { total: 0 }, listing: { status: 'done' } });
  });

  it('released by a worker that stops is resumed by another, and nothing is listed twice', async () => {
    await using here = await openTaskHarness(redis);
    await fill(here, 600);
    await here.runItems();
    const first = await here.worker();
    const pages: string[] = [];
    here.s3.interfere(({ operation, query }) => {
      if (operation === 'list') pages.push(query.get('continuation-token') ?? '');
      return pages.length === 2 && operation === 'list' ? 'hang' : undefined;
    });
    const id = await here.batch(listing());
    await askedFor(here.s3, 'list', 2);
    await first.close();
    await here.worker();
    expect((await here.ended(id)).counts).toMatchObject({ total: 600, succeeded: 600 });
    expect(pages).toHaveLength(4);
    expect(pages[2]).toBe(pages[1]);
    expect((await here.results(id)).map(({ name }) => name).sort()).toEqual(urlsOf(600));
  });

  it('of a canceled batch stops', async () => {
    await using here = await openTaskHarness(redis);
    await fill(here, 600);
    await here.worker();
    const gate = Promise.withResolvers<undefined>();
    here.s3.interfere(({ query }) => (query.has('continuation-token') ? gate.promise : undefined));
    const id = await here.batch(listing());
    await askedFor(here.s3, 'list', 2);
    await here.queue.batches.cancel(id, '');
    gate.resolve(undefined);
    expect(await here.ended(id)).toMatchObject({ status: 'canceled', counts: { total: 256, canceled: 256 } });
    // The same worker runs another task.
    here.s3.interfere(() => undefined);
    expect(await here.ended(await here.batch(listing('s3://photos/none/')))).toMatchObject({ status: 'finished' });
    expect((await here.queue.batches.read(id, ''))!.counts.total).toBe(256);
  });
});

describe('a listing that is resumed', () => {
  it('continues its lines, and asks for twice as many objects after each page, up to 256', async () => {
    await using here = await openTaskHarness(redis);
    const asked: [token: string, max: number][] = [];
    const page = vi.fn(async (_url: string, _suffixes: readonly string[], token: string, max: number) => {
      asked.push([token, max]);
      const objects = [1, 2].map((i) => ({ url: `s3://photos/${asked.length}-${i}.jpg` }));
      return { objects, next: asked.length === 5 ? null : `page ${asked.length}` };
    });
    const deps = await here.deps({ lister: { page } as unknown as TaskDeps['lister'] });
    const id = await here.batch(listing());
    const task = { ...(await leased(deps)), state: JSON.stringify({ next: 'page 0', found: 10, max: 32 }) };
    await listObjects(deps, task).run(never);
    expect(asked).toEqual([
      ['page 0', 32],
      ['page 1', 64],
      ['page 2', 128],
      ['page 3', 256],
      ['page 4', 256],
    ]);
    await here.runItems();
    await deps.tasks.finish(task, null);
    await here.ended(id);
    const lines = (await here.results(id)).map(({ line }) => line!);
    expect(lines.sort((a, b) => a - b)).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
  });
});

describe('a listing without room in the queue', () => {
  it('waits for room, and loses nothing', async () => {
    await using here = await openTaskHarness(redis, { ...ROOMY, maxWaiting: 400 });
    await fill(here, 600);
    await here.worker();
    const id = await here.batch(listing());
    await expect
      .poll(() => here.queue.batches.read(id, ''))
      .toMatchObject({ counts: { total: 256 }, listing: { status: 'waiting' } });
    await here.runItems();
    expect((await here.ended(id)).counts).toMatchObject({ total: 600, succeeded: 600 });
  });

  it('ends even when there is never room for a full page', async () => {
    await using here = await openTaskHarness(redis, { ...ROOMY, maxWaiting: 40 });
    await fill(here, 60);
    await here.runItems();
    await here.worker();
    expect((await here.ended(await here.batch(listing()))).counts).toMatchObject({ total: 60, succeeded: 60 });
  });

  it('lets another task run meanwhile, though more listings wait than run at a time', async () => {
    await using here = await openTaskHarness(redis, { ...ROOMY, maxWaiting: 400 });
    await fill(here, 600);
    await here.worker();
    for (let i = 0; i < 4; i++) await here.batch(listing());
    await askedFor(here.s3, 'list', 4);
    const output = { url: 's3://results/out.ndjson', overwrite: false };
    expect(await here.ended(await here.batch({ output }, badItems(1)))).toMatchObject({ output: { status: 'done' } });
  });
});

describe('a worker whose listing another worker has leased since', () => {
  /** A worker whose first request is not answered yet, and another that has the lease of its task. */
  async function usurped(here: TaskHarness) {
    await fill(here, 300);
    const [old, next] = [await here.deps(), await here.deps()];
    const answer = Promise.withResolvers<[number, string] | 'hang' | undefined>();
    let first = true;
    here.s3.interfere(() => {
      if (!first) return undefined;
      first = false;
      return answer.promise;
    });
    const id = await here.batch(listing());
    const stopping = new AbortController();
    const running = runTask(old, await leased(old, 1), stopping.signal);
    await askedFor(here.s3, 'list');
    const task = await leased(next);
    expect(task.lease).toBe(2);
    return { old, next, task, id, answer, stopping, running, read: () => here.queue.batches.read(id, '') };
  }
  type Usurped = Awaited<ReturnType<typeof usurped>>;

  /** The other worker has lost nothing: neither its lease nor an item. */
  async function goesOn(here: TaskHarness, { next, task, id, read }: Usurped) {
    expect(await read()).toMatchObject({ counts: { total: 0 }, listing: { status: 'running', error: null } });
    expect(await next.tasks.lease(LEASE_MS)).toBeNull();
    await here.runItems();
    await runTask(next, task, never);
    expect(await here.ended(id)).toMatchObject({ counts: { total: 300, succeeded: 300 }, listing: { status: 'done' } });
    expect((await here.results(id)).map(({ name }) => name).sort()).toEqual(urlsOf(300));
    expect(await outcomesOf(next, 'list')).toEqual({ done: 1 });
  }

  it('appends nothing when its page arrives', async () => {
    await using here = await openTaskHarness(redis);
    const scene = await usurped(here);
    scene.answer.resolve(undefined);
    await scene.running;
    expect(await outcomesOf(scene.old, 'list')).toEqual({ lost: 1 });
    expect(here.s3.requests).toHaveLength(1);
    await goesOn(here, scene);
  });

  it('does not fail the listing when its own request is refused', async () => {
    await using here = await openTaskHarness(redis);
    const scene = await usurped(here);
    scene.answer.resolve([403, 'AccessDenied']);
    await scene.running;
    await goesOn(here, scene);
  });

  it('does not release it when it stops', async () => {
    await using here = await openTaskHarness(redis);
    const scene = await usurped(here);
    scene.stopping.abort(new Error('the worker is stopping'));
    await scene.running;
    scene.answer.resolve('hang');
    await goesOn(here, scene);
  });

  it('ends its request once an extension of its lease is refused', async () => {
    await using here = await openTaskHarness(redis);
    const scene = await usurped(here);
    await scene.running;
    expect(await outcomesOf(scene.old, 'list')).toEqual({ lost: 1 });
    scene.answer.resolve('hang');
    await goesOn(here, scene);
  });
});

describe('a listing that fails', () => {
  it.each([
    ['in a bucket that does not exist', 's3://nobucket/day/', undefined, 'source_unreachable', 'no such'],
    ['without permission', 's3://photos/day/', [403, 'AccessDenied'], 'source_forbidden', 'refuses to list'],
    ['beyond the allowed prefixes', 's3://private/day/', undefined, 'source_forbidden', 'S3_SOURCE_PREFIXES'],
  ] as const)(
    '%s fails at once with the reason, and the batch ends with the items it has',
    async (_, url, refusal, code, text) => {
      await using here = await openTaskHarness(redis);
      await here.worker();
      here.s3.interfere(() => refusal);
      const batch = await here.ended(await here.batch(listing(url)));
      expect(batch).toMatchObject({ status: 'finished', counts: { total: 0 }, listing: failedWith(code, text) });
      expect(here.s3.requests.length).toBeLessThanOrEqual(1);
    },
  );

  it('at a later page keeps the items it found', async () => {
    await using here = await openTaskHarness(redis);
    await fill(here, 300);
    await here.runItems();
    await here.worker();
    here.s3.interfere(({ query }) => (query.has('continuation-token') ? [403, 'AccessDenied'] : undefined));
    const batch = await here.ended(await here.batch(listing()));
    expect(batch).toMatchObject({ counts: { total: 256, succeeded: 256 }, listing: { status: 'failed' } });
  });

  it('because the storage is busy is retried, and succeeds', async () => {
    await using here = await openTaskHarness(redis);
    await fill(here, 1);
    await here.runItems();
    await here.worker();
    // The storage client itself retries a request twice.
    let failures = 4;
    here.s3.interfere(() => (failures-- > 0 ? [503, 'SlowDown'] : undefined));
    const batch = await here.ended(await here.batch(listing()));
    expect(batch).toMatchObject({ counts: { succeeded: 1 }, listing: { status: 'done', error: null } });
  });

  it('because the storage is busy fails in the end, with the reason', async () => {
    await using here = await openTaskHarness(redis);
    const deps = await here.deps({
      lister: {
        page: () => Promise.reject(new FacequeueError('source_timeout', 'The object storage did not answer.')),
      },
    });
    const id = await here.batch(listing());
    const release = deps.tasks.release.bind(deps.tasks);
    const delays: number[] = [];
    vi.spyOn(deps.tasks, 'release').mockImplementation((task, ms) => {
      delays.push(ms);
      return release(task, 0);
    });
    for (let i = 1; i < MAX_TRIES; i++) {
      const task = (await deps.tasks.lease(LEASE_MS))!;
      expect(task.tries).toBe(i);
      await runTask(deps, task, never);
    }
    expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    expect((await here.queue.batches.read(id, ''))!.listing!.status).toBe('waiting');
    await runTask(deps, (await deps.tasks.lease(LEASE_MS))!, never);
    expect((await here.ended(id)).listing).toMatchObject(failedWith('source_timeout', 'did not answer'));
    expect(await outcomesOf(deps, 'list')).toEqual({ retry: MAX_TRIES - 1, failed: 1 });
  });

  it('because it kills its worker fails in the end', async () => {
    await using here = await openTaskHarness(redis);
    const deps = await here.deps();
    const id = await here.batch(listing());
    for (let i = 0; i < MAX_TRIES; i++) await deps.tasks.release((await deps.tasks.lease(LEASE_MS))!, 0);
    await runTask(deps, (await deps.tasks.lease(LEASE_MS))!, never);
    expect((await here.ended(id)).listing).toMatchObject(failedWith('internal_error', 'interrupted too often'));
  });
});
