/** One task, against a scripted queue and bucket, with fake timers. The tests beside the two kinds of work have real leases. */
import { getEventListeners } from 'node:events';
import { Registry } from '@facequeue/metrics';
import type { BatchRecord, BatchTask } from '@facequeue/queue';
import { createLogger } from '@facequeue/service';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runTask } from './run-task.ts';
import { LEASE_MS, type TaskDeps } from './task.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const TASK: BatchTask = {
  kind: 'list',
  batch: { id: 'b', requestId: 'r', listing: { url: 's3://photos/', suffixes: [] } } as unknown as BatchRecord,
  lease: 1,
  state: '',
  tries: 1,
};

/** A listing whose only page arrives when `arrive` is called, or rejects when the task is aborted. */
function startTask(extend: () => Promise<boolean>) {
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
      finish: record('finish'),
      release: record('release'),
      isPending: record('isPending'),
    },
    lister: {
      page: (_url: string, _suffixes: string[], _after: string, _max: number, signal: AbortSignal) => {
        signal.addEventListener('abort', () => page.reject(signal.reason));
        return page.promise;
      },
    },
    log: createLogger('worker', 'silent'),
    metrics: new Registry('worker'),
    random: () => 0,
  };
  const stopping = new AbortController();
  const done = runTask(deps as unknown as TaskDeps, TASK, stopping.signal);
  return { calls, done, stopping, extend: deps.tasks.extend, arrive: () => page.resolve({ objects: [], next: null }) };
}

describe('a task', () => {
  it('is leased until it ends, and not longer', async () => {
    const { calls, done, extend, arrive } = startTask(async () => true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(extend.mock.calls).toHaveLength(12);
    expect(extend).toHaveBeenCalledWith(TASK, LEASE_MS);
    arrive();
    await done;
    expect(calls).toEqual(['append', 'finish']);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(extend.mock.calls).toHaveLength(12);
  });

  it('stops at once when an extension of its lease is refused', async () => {
    const { calls, done } = startTask(async () => false);
    await vi.advanceTimersByTimeAsync(5000);
    await done;
    expect(calls).toEqual(['isPending']);
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
    expect(calls).toEqual(['append', 'finish']);
  });

  it('is released at once by a worker that stops', async () => {
    const { calls, done, stopping } = startTask(async () => true);
    stopping.abort(new Error('the worker is stopping'));
    await done;
    expect(calls).toEqual(['release']);
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
