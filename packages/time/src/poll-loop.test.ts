import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PollLoop, type PollLoopOptions } from './poll-loop.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A loop over a queue whose items run until they are released. */
function start(options: Partial<PollLoopOptions<string>> = {}) {
  const due: string[] = [];
  const running = new Map<string, () => void>();
  const onError = vi.fn();
  const unsubscribe = vi.fn();
  let wake = () => {};
  const take = vi.fn(async (room: number) => due.splice(0, room));
  const loop = new PollLoop<string>({
    take,
    run: (item) => new Promise<void>((resolve) => running.set(item, resolve)).then(() => void running.delete(item)),
    concurrency: 2,
    onError,
    subscribe: (woken) => {
      wake = woken;
      return unsubscribe;
    },
    ...options,
  });
  const settle = () => vi.advanceTimersByTimeAsync(0);
  return { loop, due, running, take, onError, unsubscribe, wake: () => wake(), settle };
}

describe('a poll loop', () => {
  it('takes items that are due when it is woken, and periodically', async () => {
    const { loop, due, running, wake, settle } = start();
    await settle();
    due.push('a');
    await settle();
    expect(running.size).toBe(0);
    wake();
    await settle();
    expect([...running.keys()]).toEqual(['a']);
    due.push('b');
    await vi.advanceTimersByTimeAsync(1000);
    expect([...running.keys()]).toEqual(['a', 'b']);
    for (const end of running.values()) end();
    await loop.close();
  });

  it('runs no more than its concurrency, and takes the next as soon as one has ended', async () => {
    const { loop, due, running, take, settle } = start();
    due.push('a', 'b', 'c');
    await vi.advanceTimersByTimeAsync(5000);
    expect([...running.keys()]).toEqual(['a', 'b']);
    expect(take.mock.calls.every(([room]) => room > 0)).toBe(true);
    running.get('a')!();
    await settle();
    expect([...running.keys()]).toEqual(['b', 'c']);
    for (const end of running.values()) end();
    await loop.close();
  });

  it('takes others besides those that are slow, up to a number of slow ones', async () => {
    const { loop, due, running, wake, settle } = start({ slow: { afterMs: 300, atATime: 3 } });
    due.push('a', 'b', 'c', 'd', 'e', 'f');
    wake();
    await settle();
    expect([...running.keys()]).toEqual(['a', 'b']);
    await vi.advanceTimersByTimeAsync(299);
    expect([...running.keys()]).toEqual(['a', 'b']);
    await vi.advanceTimersByTimeAsync(1);
    expect([...running.keys()]).toEqual(['a', 'b', 'c', 'd']);
    await vi.advanceTimersByTimeAsync(5000);
    expect([...running.keys()]).toEqual(['a', 'b', 'c', 'd', 'e']);
    // One that ends quickly, and one that was slow, leave room for one each.
    running.get('a')!();
    await settle();
    expect([...running.keys()]).toEqual(['b', 'c', 'd', 'e', 'f']);
    running.get('f')!();
    due.push('g', 'h');
    await settle();
    expect([...running.keys()]).toEqual(['b', 'c', 'd', 'e', 'g']);
    for (const end of running.values()) end();
    await settle();
    for (const end of running.values()) end();
    await loop.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('misses no wake-up that arrives during a poll', async () => {
    const first = Promise.withResolvers<string[]>();
    const take = vi.fn(async (_: number): Promise<string[]> => []).mockReturnValueOnce(first.promise);
    const { loop, wake, settle } = start({ take });
    wake();
    first.resolve([]);
    await settle();
    expect(take).toHaveBeenCalledTimes(2);
    await loop.close();
  });

  it('reports the first failure in a row, and does not poll again at once for earlier wake-ups', async () => {
    let away = true;
    const take = vi.fn(async (_: number): Promise<string[]> => {
      if (away) throw new Error('away');
      return [];
    });
    const { loop, onError, wake } = start({ take });
    wake();
    await vi.advanceTimersByTimeAsync(999);
    expect(take).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(5000);
    expect(onError).toHaveBeenCalledTimes(1);
    away = false;
    await vi.advanceTimersByTimeAsync(1000);
    away = true;
    await vi.advanceTimersByTimeAsync(1000);
    expect(onError).toHaveBeenCalledTimes(2);
    await loop.close();
  });

  it('closes when the running items have ended, and takes no more', async () => {
    const { loop, due, running, unsubscribe, settle } = start();
    due.push('a');
    await vi.advanceTimersByTimeAsync(1000);
    const closed = vi.fn();
    const closing = loop.close().then(closed);
    due.push('b');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(unsubscribe).toHaveBeenCalled();
    expect(closed).not.toHaveBeenCalled();
    running.get('a')!();
    await settle();
    await closing;
    expect(due).toEqual(['b']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits a second for a poll without an answer, and starts nothing that the poll returns later', async () => {
    const answer = Promise.withResolvers<string[]>();
    const { loop, running, settle } = start({ take: () => answer.promise });
    const closed = vi.fn();
    const closing = loop.close().then(closed);
    await vi.advanceTimersByTimeAsync(990);
    expect(closed).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(10);
    await closing;
    answer.resolve(['late']);
    await settle();
    expect(running.size).toBe(0);
  });
});
