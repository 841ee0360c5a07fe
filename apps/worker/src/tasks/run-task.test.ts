/** A task in a worker's hands, with the queue and the bucket told what to do, and time made to pass. */
import { Registry } from '@facequeue/metrics';
import type { BatchRecord, BatchTask } from '@facequeue/queue';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLog } from '../log.ts';
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

/** A listing whose only page comes when it is told to, or rejects when it is given up. */
function play(extend: () => Promise<boolean>) {
  const told: string[] = [];
  const tell = (event: string) => async () => {
    told.push(event);
    return true;
  };
  const page = Promise.withResolvers<{ objects: []; next: null }>();
  const deps = {
    tasks: {
      extend: vi.fn(extend),
      append: tell('append'),
      finish: tell('finish'),
      release: tell('release'),
      remains: tell('remains'),
    },
    lister: {
      page: (_url: string, _suffixes: string[], _after: string, _max: number, signal: AbortSignal) => {
        signal.addEventListener('abort', () => page.reject(signal.reason));
        return page.promise;
      },
    },
    log: createLog('silent'),
    metrics: new Registry('worker'),
    random: () => 0,
  };
  const stopping = new AbortController();
  const carried = runTask(deps as unknown as TaskDeps, TASK, stopping.signal);
  return { told, carried, stopping, extend: deps.tasks.extend, comes: () => page.resolve({ objects: [], next: null }) };
}

describe('a task', () => {
  it('stays its worker’s as long as it takes, and not longer', async () => {
    const { told, carried, extend, comes } = play(async () => true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(extend.mock.calls).toHaveLength(12);
    expect(extend).toHaveBeenCalledWith(TASK, LEASE_MS);
    comes();
    await carried;
    expect(told).toEqual(['append', 'finish']);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(extend.mock.calls).toHaveLength(12);
  });

  it('is given up at once when it is another’s', async () => {
    const { told, carried } = play(async () => false);
    await vi.advanceTimersByTimeAsync(5000);
    await carried;
    expect(told).toEqual(['remains']);
  });

  it('is gone on with though the queue cannot be reached for a while', async () => {
    let away = true;
    const { told, carried, extend, comes } = play(async () => {
      if (away) throw new Error('the connection is closed');
      return true;
    });
    await vi.advanceTimersByTimeAsync(10_000);
    away = false;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(extend.mock.calls).toHaveLength(4);
    comes();
    await carried;
    expect(told).toEqual(['append', 'finish']);
  });

  it('is given back at once by a worker that stops', async () => {
    const { told, carried, stopping } = play(async () => true);
    stopping.abort(new Error('the worker is stopping'));
    await carried;
    expect(told).toEqual(['release']);
  });
});
