import type { FacequeueError } from '@facequeue/schema/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Client, createClient } from '../client.ts';
import { type ScriptedBatches, scriptBatches } from '../testing/scripted-batches.ts';
import {
  disconnect,
  problem,
  RETRY_NOW,
  type ScriptedServer,
  startScriptedServer,
} from '../testing/scripted-server.ts';
import type { BatchItem } from './item.ts';
import { type RunService, runItems } from './run.ts';

/** Deadline of steps that should take milliseconds, ms. */
const SOON = { timeout: 20_000 };

let service: ScriptedServer;
let batches: ScriptedBatches;
let client: Client;
beforeEach(async () => {
  service = await startScriptedServer();
  batches = scriptBatches(service);
  client = createClient({ baseUrl: service.baseUrl });
});
afterEach(() => service.kill());

const failureOf = (call: Promise<unknown>): Promise<FacequeueError> =>
  call.then(
    () => expect.fail('it succeeded'),
    (error) => error,
  );
const items = (count: number): BatchItem[] =>
  Array.from({ length: count }, (_, i) => ({ id: `i${i + 1}`, url: `https://example.org/${i + 1}.jpg` }));
const collect = (...args: Parameters<Client['batchResults']>) => Array.fromAsync(client.batchResults(...args));
const allErased = () => batches.all.every(({ erased }) => erased);
/** Ends items that the service does not end by itself. */
const end = (...ids: string[]) => {
  for (const batch of batches.all)
    for (const item of batch.items) if (ids.includes(item.id!)) batches.end(batch, item, 'succeeded');
};

describe('batchResults', () => {
  it('yields the result of every item as it ends, and erases its batches', async () => {
    batches.work = () => null;
    const options = { profile: 'fast' as const };
    const lines = client.batchResults(items(3), { options })[Symbol.asyncIterator]();
    const first = lines.next();
    await expect.poll(() => batches.all[0]?.items.length, SOON).toBe(3);
    end('i2');
    expect(await first).toMatchObject({ value: { id: 'i2' } });
    end('i1', 'i3');
    expect(await lines.next()).toMatchObject({ value: { id: 'i1' } });
    expect(await lines.next()).toMatchObject({ value: { id: 'i3' } });
    expect(await lines.next()).toMatchObject({ done: true });
    expect(batches.all).toMatchObject([{ made: { open: true, options }, status: 'finished', erased: true }]);
  });

  it('sends no request when there are no items', async () => {
    expect(await collect([])).toEqual([]);
    expect(service.seen).toEqual([]);
  });

  it('numbers items without an id, and retries a request that breaks', async () => {
    batches.instead.append = ['break after', disconnect];
    const urls = items(3).map((item) => ({ url: (item as { url: string }).url }));
    expect((await collect(urls)).map(({ id }) => id)).toEqual(['1', '2', '3']);
  });

  it('yields a result before it needs the next item', async () => {
    const opened = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
    async function* oneByOne() {
      const [first, second] = items(2) as [BatchItem, BatchItem];
      yield first;
      await opened[0].promise;
      yield second;
      await opened[1].promise;
    }
    const seen: string[] = [];
    for await (const { id } of client.batchResults(oneByOne())) {
      seen.push(id);
      opened[seen.length - 1]!.resolve();
    }
    expect(seen).toEqual(['i1', 'i2']);
  });

  it('sends an item within a second although the next one does not come', async () => {
    let given = 0;
    async function* endless() {
      given = performance.now();
      yield items(1)[0]!;
      await new Promise(() => {});
    }
    for await (const _ of client.batchResults(endless())) break;
    expect(performance.now() - given).toBeGreaterThan(200);
    expect(performance.now() - given).toBeLessThan(10_000);
  });

  it('runs many items through several batches, never far ahead of the reader', async () => {
    let given = 0;
    async function* many() {
      for (const item of items(25_000)) {
        given += 1;
        yield item;
      }
    }
    let read = 0;
    let furthest = 0;
    const seen = new Set<string>();
    for await (const { id } of client.batchResults(many())) {
      furthest = Math.max(furthest, given - read);
      read += 1;
      seen.add(id);
    }
    expect([seen.size, read]).toEqual([25_000, 25_000]);
    // Items that may be unread, and those of the requests being filled, encoded and sent.
    expect(furthest).toBeLessThanOrEqual(2000 + 3 * 1000 + 1);
    expect(batches.all.map(({ items }) => items.length)).toEqual([10_000, 10_000, 5000]);
    expect(allErased()).toBe(true);
  });

  it('stops reading items when nobody reads results', async () => {
    let given = 0;
    async function* many() {
      for (const item of items(100_000)) {
        given += 1;
        yield item;
      }
    }
    const lines = client.batchResults(many())[Symbol.asyncIterator]();
    await lines.next();
    // With one of the first thousand read, two requests leave room for a third.
    await expect.poll(() => batches.all[0]!.items.length, SOON).toBe(3000);
    const before = service.seen.length;
    // Another request of any kind: had more been appended, it would have come before.
    await client.batch(batches.all[0]!.id);
    await client.batch(batches.all[0]!.id);
    expect(service.seen.length).toBe(before + 2);
    expect(given).toBeLessThanOrEqual(5001);
    await lines.return?.();
    expect(allErased()).toBe(true);
  });

  it('waits while the queue is full, from its first call on', async () => {
    const full = Array.from({ length: 5 }, () => problem('queue_full', RETRY_NOW));
    batches.instead.create = [...full];
    batches.instead.append = [...full];
    expect(await collect(items(3))).toHaveLength(3);
    expect(batches.all).toHaveLength(1);
  });

  it('makes room by erasing batches that were read, when its own results fill the memory', async () => {
    batches.room = 300;
    const taken: string[] = [];
    batches.work = ({ id }) => {
      taken.push(id!);
      return taken.length % 3 ? 'succeeded' : 'failed';
    };
    const lines = await collect(items(1500));
    expect(taken).toEqual(items(1500).map(({ id }) => id));
    expect(lines.map(({ id }) => id)).toEqual(taken);
    expect(batches.all.map(({ items }) => items.length)).toEqual([300, 300, 300, 300, 300]);
    expect(allErased()).toBe(true);
  });

  it.each([
    ['opens another batch during a long pause, once it has read all results of the full one', '40', 2, [2, 1]],
    ['waits for room in the same batch when the pause is short', '1', 3, [3]],
    ['opens another batch while its caller has its share of the queue', '40', 2, [2, 1], 'quota_exceeded'],
  ])('%s', async (_, pause, later, sizes, refusal?: string) => {
    if (refusal) batches.refusal = 'quota_exceeded';
    batches.room = 2;
    batches.retryAfter = pause;
    batches.work = () => null;
    const began = performance.now();
    const lines = collect(items(3));
    // It looks at its batch when the pause begins.
    await expect.poll(() => service.seen.some(({ url }) => /^\/batches\/[^/]+$/.test(url!)), SOON).toBe(true);
    await client.batch(batches.all[0]!.id);
    batches.room = later;
    batches.work = () => 'succeeded';
    end('i1', 'i2');
    expect((await lines).map(({ id }) => id)).toEqual(['i1', 'i2', 'i3']);
    expect(batches.all.map(({ items }) => items.length)).toEqual(sizes);
    expect(performance.now() - began).toBeLessThan(30_000);
  });

  it('opens another batch when one has closed itself', async () => {
    batches.work = ({ id }) => {
      if (id === 'i1')
        batches.instead.append = [
          (...of) => {
            batches.all[0]!.status = 'running';
            problem('conflict')(...of);
          },
        ];
      return 'succeeded';
    };
    expect((await collect(items(1500))).map(({ id }) => id)).toEqual(items(1500).map(({ id }) => id));
    expect(batches.all.map(({ items }) => items.length)).toEqual([1000, 500]);
    expect(allErased()).toBe(true);
  });

  it('stops when somebody else cancels its batch', async () => {
    const opened = Promise.withResolvers<void>();
    async function* two() {
      const [first, second] = items(2) as [BatchItem, BatchItem];
      yield first;
      await opened.promise;
      yield second;
    }
    const failure = failureOf(
      (async () => {
        for await (const _ of client.batchResults(two())) {
          await client.cancelBatch(batches.all[0]!.id);
          opened.resolve();
        }
      })(),
    );
    expect(await failure).toMatchObject({ code: 'canceled' });
    expect(batches.all).toHaveLength(1);
  });

  it('erases its batches when reading ends early, the signal aborts or the items fail', async () => {
    batches.work = (item) => (item.id === 'i1' ? 'succeeded' : null);
    for await (const _ of client.batchResults(items(5))) break;

    const abort = new AbortController();
    const reason = new Error('enough');
    const aborted = failureOf(
      (async () => {
        for await (const _ of client.batchResults(items(5), { signal: abort.signal })) abort.abort(reason);
      })(),
    );
    expect(await aborted).toBe(reason);

    async function* torn() {
      yield* items(2000);
      throw new Error('the disk is gone');
    }
    expect(await failureOf(collect(torn()))).toMatchObject({ message: 'the disk is gone' });
    expect(batches.all).toHaveLength(3);
    expect(allErased()).toBe(true);
  });

  it('ends 5 s after its reader when the service does not answer the erasure', async () => {
    batches.work = (item) => (item.id === 'i1' ? 'succeeded' : null);
    batches.instead.erase = [() => {}];
    let left = 0;
    for await (const _ of client.batchResults(items(5))) {
      left = performance.now();
      break;
    }
    expect(performance.now() - left).toBeGreaterThan(4900);
    expect(performance.now() - left).toBeLessThan(20_000);
  });

  it('erases a batch whose creation is answered after its reader has left', async () => {
    const abort = new AbortController();
    const created = Promise.withResolvers<{ id: string }>();
    const erased: string[] = [];
    const opening = Promise.withResolvers<void>();
    const unused = () => expect.fail('not called');
    const run = runItems(
      {
        open: () => {
          opening.resolve();
          return created.promise as ReturnType<RunService['open']>;
        },
        erase: async (id) => void erased.push(id),
        ...{ batch: unused, append: unused, close: unused, results: unused },
      },
      async function* () {
        yield [{ id: 'a', text: '{}' }];
      },
      {},
      abort.signal,
    );
    const failure = failureOf(run.next());
    await opening.promise;
    const reason = new Error('enough');
    abort.abort(reason);
    setImmediate(() => created.resolve({ id: 'late' }));
    expect(await failure).toBe(reason);
    expect(erased).toEqual(['late']);
  });

  it('sends no items until the report of their batch has ended', async () => {
    const reported = Promise.withResolvers<void>();
    const lines = collect(items(2), { onBatch: () => reported.promise });
    await expect.poll(() => batches.all.length, SOON).toBe(1);
    // Items that did not wait would be there before the answer to this request.
    for (let i = 0; i < 3; i++) await client.batch(batches.all[0]!.id);
    expect(batches.all[0]!.items).toEqual([]);
    reported.resolve();
    expect(await lines).toHaveLength(2);
  });

  it('throws what the report of a batch throws, and erases the batch', async () => {
    for (const onBatch of [
      async () => Promise.reject(new Error('the disk is full')),
      () => {
        throw new Error('the disk is full');
      },
    ]) {
      expect(await failureOf(collect(items(2), { onBatch }))).toMatchObject({ message: 'the disk is full' });
      expect(allErased()).toBe(true);
      expect(batches.all.every((batch) => batch.items.length === 0)).toBe(true);
    }
    expect(batches.all).toHaveLength(2);
  });

  it('throws the refusal of the service, and reports each batch before it has items', async () => {
    batches.instead.append = [problem('forbidden')];
    const opened: [string, number][] = [];
    const onBatch = async ({ id }: { id: string }) => void opened.push([id, batches.all[0]!.items.length]);
    expect(await failureOf(collect(items(2), { onBatch }))).toMatchObject({ code: 'forbidden' });
    expect(opened).toEqual([[batches.all[0]!.id, 0]]);
    expect(allErased()).toBe(true);
  });
});
