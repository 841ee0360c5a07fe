/** One task, against a scripted queue and bucket, with fake timers. The tests beside the two kinds of work have real leases. */
import { getEventListeners } from 'node:events';
import { Registry } from '@facequeue/metrics';
import type { BatchRecord, BatchTask } from '@facequeue/queue';
import { FacequeueError } from '@facequeue/schema';
import { createLogger } from '@facequeue/service';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runTask } from './run-task.ts';
import type { TaskDeps } from './task.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const TASK: BatchTask = {
  kind: 'list',
  batch: { id: 'b', requestId: 'r', listing: { url: 's3://photos/', suffixes: [] } } as unknown as BatchRecord,
  lease: 1,
  state: '',
  tries: 1,
};

/** A listing whose only page arrives when `arrive` is called, or rejects when `refuse` is or the task is aborted. */
function startTask(extend: () => Promise<boolean>, { tries = 1, stopped = false, release = async () => true } = {}) {
  const calls: string[] = [];
  const record = (event: string) => async () => {
    calls.push(event);
    return true;
  };
  const page = Promise.withResolvers<{ objects: []; next: null }>();
  const deps = {
    tasks: {
      extend: vi.fn(extend),
      append: record('append'),
      finish: async (_: BatchTask, error: { code: string; detail: string } | null) => {
        calls.push(error ? `finish ${error.code}: ${error.detail}` : 'finish');
        return true;
      },
      release: async (_: BatchTask, delayMs: number) => {
        calls.push(`release for ${delayMs}`);
        return release();
      },
      isPending: record('isPending'),
    },
    lister: {
      page: (_url: string, _suffixes: string[], _after: string, _max: number, signal: AbortSignal) => {
        calls.push('page');
        signal.addEventListener('abort', () => page.reject(signal.reason));
        return page.promise;
      },
    },
    log: createLogger('worker', 'silent'),
    metrics: new Registry('worker'),
    random: () => 0,
  };
  const stopping = new AbortController();
  if (stopped) stopping.abort(new Error('the worker is stopping'));
  const done = runTask(deps as unknown as TaskDeps, { ...TASK, tries }, stopping.signal);
  return {
    calls,
    done,
    stopping,
    extend: deps.tasks.extend,
    arrive: () => page.resolve({ objects: [], next: null }),
    refuse: page.reject,
  };
}

describe('a task', () => {
  it('has a lease of 15 s, which is extended every 5 s until it ends', async () => {
    const { calls, done, extend, arrive } = startTask(async () => true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(extend.mock.calls).toHaveLength(12);
    expect(extend).toHaveBeenCalledWith(TASK, 15_000);
    arrive();
    await done;
    expect(calls).toEqual(['page', 'append', 'finish']);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(extend.mock.calls).toHaveLength(12);
  });

  it('stops at once when an extension of its lease is refused', async () => {
    const { calls, done } = startTask(async () => false);
    await vi.advanceTimersByTimeAsync(5000);
    await done;
    expect(calls).toEqual(['page', 'isPending']);
  });

  it('survives a short outage of the queue', async () => {
    let away = true;
    const { calls, done, extend, arrive } = startTask(async () => {
      if (away) throw new Error('the connection is closed');
      return true;
    });
    await vi.advanceTimersByTimeAsync(10_000);
    away = false;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(extend.mock.calls).toHaveLength(4);
    arrive();
    await done;
    expect(calls).toEqual(['page', 'append', 'finish']);
  });

  it('is released at once by a worker that stops', async () => {
    const { calls, done, stopping } = startTask(async () => true);
    stopping.abort(new Error('the worker is stopping'));
    await done;
    expect(calls).toEqual(['page', 'release for 0']);
  });

  it('leased by a worker that is stopping is released before it begins', async () => {
    const { calls, done } = startTask(async () => true, { stopped: true });
    await done;
    expect(calls).toEqual(['release for 0']);
  });

  const room = new FacequeueError('queue_full', 'no room', { retryAfterMs: 7000 });
  const share = new FacequeueError('quota_exceeded', 'no share', { retryAfterMs: 3000 });
  const busy = new FacequeueError('source_timeout', 'the storage did not answer');
  const forbidden = new FacequeueError('source_forbidden', 'the storage refuses');
  it.each<[string, Error, number, string]>([
    ['without room in the queue', room, 1, 'release for 7000'],
    ['without room in the queue, however often', room, 10, 'release for 7000'],
    ['beyond the share of its caller, however often', share, 10, 'release for 3000'],
    ['of a storage that is busy', busy, 1, 'release for 500'],
    ['of a storage that is busy, again', busy, 3, 'release for 2000'],
    ['of a storage that is busy for too long', busy, 10, 'finish source_timeout: the storage did not answer'],
    ['while Redis is away', new FacequeueError('unavailable', 'away'), 9, 'release for 30000'],
    ['because of a bug', new TypeError('a bug'), 2, 'release for 1000'],
    ['because of a bug, too often', new TypeError('a bug'), 10, 'finish internal_error: internal error'],
    ['for lack of permission', forbidden, 1, 'finish source_forbidden: the storage refuses'],
  ])('that fails %s ends or is tried again', async (_, error, tries, expected) => {
    const { calls, done, refuse } = startTask(async () => true, { tries });
    refuse(error);
    await done;
    expect(calls.at(-1)).toBe(expected);
  });

  it('that cannot even be released is left to its lease', async () => {
    const release = () => Promise.reject(new Error('away'));
    const { calls, done, refuse } = startTask(async () => true, { release });
    refuse(busy);
    await done;
    expect(calls).toEqual(['page', 'release for 500']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each(['done', 'lost', 'released'])('leaves no timer and no listener of the worker once it is %s', async (how) => {
    const { done, stopping, arrive } = startTask(async () => how !== 'lost');
    await vi.advanceTimersByTimeAsync(4000);
    if (how === 'done') arrive();
    if (how === 'released') stopping.abort(new Error('the worker is stopping'));
    if (how === 'lost') await vi.advanceTimersByTimeAsync(1000);
    await done;
    expect(vi.getTimerCount()).toBe(0);
    expect(getEventListeners(stopping.signal, 'abort')).toEqual([]);
  });
});
