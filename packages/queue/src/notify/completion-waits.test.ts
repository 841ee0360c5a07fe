import { getEventListeners } from 'node:events';
import { FacequeueError } from '@facequeue/schema';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JobRecord } from '../job/job.ts';
import { CompletionWaits } from './completion-waits.ts';

/** Records by id, and reads that fail as long as there are failures left. */
function store() {
  const records = new Map<string, JobRecord>();
  const state = { reads: 0, failures: 0 };
  const waits = new CompletionWaits(async (id) => {
    state.reads++;
    if (state.failures > 0 && state.failures--) throw new Error('away');
    return records.get(id) ?? null;
  });
  const put = (id: string, status: JobRecord['status']) => records.set(id, { id, status } as JobRecord);
  return { waits, put, state };
}

describe('a wait', () => {
  it('returns the record once it is notified of its job’s end', async () => {
    const { waits, put, state } = store();
    using wait = waits.wait('a');
    const answer = wait.ended(10_000);
    put('a', 'failed');
    waits.notify('b');
    expect(state.reads).toBe(0);
    waits.notify('a');
    expect(await answer).toMatchObject({ id: 'a', status: 'failed' });
  });

  it('does not miss a notification from before `ended` was called', async () => {
    const { waits, put } = store();
    using wait = waits.wait('a');
    put('a', 'succeeded');
    waits.notify('a');
    expect(await wait.ended(10_000)).toMatchObject({ status: 'succeeded' });
  });

  it('continues after a false notification', async () => {
    const { waits, put } = store();
    using wait = waits.wait('a');
    put('a', 'processing');
    const answer = wait.ended(10_000);
    waits.notify('a');
    await new Promise(setImmediate);
    put('a', 'canceled');
    waits.notify('a');
    expect(await answer).toMatchObject({ status: 'canceled' });
  });

  it('reads again a second after a read failed, without being notified again', async () => {
    const { waits, put, state } = store();
    using wait = waits.wait('a');
    put('a', 'succeeded');
    state.failures = 1;
    waits.notify('a');
    const began = performance.now();
    expect(await wait.ended(60_000)).toMatchObject({ status: 'succeeded' });
    expect(performance.now() - began).toBeGreaterThan(900);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(state.reads).toBe(2);
  });

  it('reads a last time at its deadline', async () => {
    const { waits, put } = store();
    using ended = waits.wait('a');
    using running = waits.wait('b');
    put('a', 'succeeded');
    put('b', 'processing');
    expect(await ended.ended(1)).toMatchObject({ status: 'succeeded' });
    expect(await running.ended(1)).toBeNull();
  });

  it('fails at its deadline when the last read fails, and a second later when it hangs', async () => {
    const { waits, state } = store();
    using wait = waits.wait('a');
    state.failures = 1;
    await expect(wait.ended(0)).rejects.toThrow('away');
    const hung = new CompletionWaits(() => new Promise(() => {}));
    const began = performance.now();
    await expect(hung.wait('a').ended(0)).rejects.toMatchObject({ code: 'unavailable' });
    expect(performance.now() - began).toBeGreaterThan(900);
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('continues while there is no record yet', async () => {
    const { waits, put, state } = store();
    using wait = waits.wait('a');
    const answer = wait.ended(10_000);
    waits.notify('a');
    await new Promise(setImmediate);
    expect(state.reads).toBe(1);
    put('a', 'failed');
    waits.notify('a');
    expect(await answer).toMatchObject({ status: 'failed' });
  });

  it('fails at once, without more reads, when the job was erased', async () => {
    const erased = new CompletionWaits(async () => {
      throw new FacequeueError('gone', 'the job was deleted');
    });
    using wait = erased.wait('a');
    const answer = wait.ended(60_000);
    erased.notify('a');
    await expect(answer).rejects.toMatchObject({ code: 'gone' });
  });

  it('ends without a read when its caller leaves', async () => {
    const { waits, state } = store();
    using wait = waits.wait('a');
    const left = new AbortController();
    const answer = wait.ended(10_000, left.signal);
    left.abort();
    expect(await answer).toBeNull();
    expect(await wait.ended(10_000, left.signal)).toBeNull();
    expect(state.reads).toBe(0);
  });

  it('ends with null when it is disposed', async () => {
    const { waits } = store();
    const wait = waits.wait('a');
    const answer = wait.ended(10_000);
    wait[Symbol.dispose]();
    expect(await answer).toBeNull();
    expect(await wait.ended(10_000)).toBeNull();
  });

  it('leaves nothing when it is disposed, and other waits for the same job continue', async () => {
    const { waits, put } = store();
    using other = waits.wait('a');
    {
      using _ = waits.wait('a');
    }
    expect(waits.ids).toEqual(['a']);
    put('a', 'succeeded');
    waits.notify('a');
    expect(await other.ended(10_000)).toMatchObject({ status: 'succeeded' });
    other[Symbol.dispose]();
    expect(waits.ids).toEqual([]);
  });
});

describe('a wait that is over', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it.each<[string, object | null]>([
    ['its result', { status: 'succeeded' }],
    ['its time', null],
    ['its caller’s leaving', null],
    ['its disposal', null],
    ['an erasure', { code: 'gone' }],
    ['an error of its last read', { message: 'away' }],
    ['a last read without an answer', { code: 'unavailable' }],
    ['the close of all', null],
  ])('leaves no timer, no listener of its signal and no wait after %s', async (how, expected) => {
    const answers = { gone: false, away: false, hangs: false, ended: false };
    const waits = new CompletionWaits(async (id) => {
      if (answers.gone) throw new FacequeueError('gone', 'the job was deleted');
      if (answers.away) throw new Error('away');
      if (answers.hangs) return new Promise(() => {});
      return { id, status: answers.ended ? 'succeeded' : 'processing' } as JobRecord;
    });
    const left = new AbortController();
    const wait = waits.wait('a');
    const answer = wait.ended(10_000, left.signal).catch((error) => error);
    // A first notification that is false, and one after which the read fails.
    waits.notify('a');
    await vi.advanceTimersByTimeAsync(100);
    answers.away = true;
    waits.notify('a');
    await vi.advanceTimersByTimeAsync(100);
    answers.away = false;
    await vi.advanceTimersByTimeAsync(2000);
    expect(vi.getTimerCount()).toBe(1);
    expect(getEventListeners(left.signal, 'abort')).toHaveLength(1);
    expect(waits.size).toBe(1);

    if (how === 'its result') answers.ended = true;
    if (how === 'an erasure') answers.gone = true;
    if (how === 'an error of its last read') answers.away = true;
    if (how === 'a last read without an answer') answers.hangs = true;
    if (how === 'its result' || how === 'an erasure') waits.notify('a');
    if (how === 'its caller’s leaving') left.abort();
    if (how === 'its disposal') wait[Symbol.dispose]();
    if (how === 'the close of all') waits.close();
    if (expected === null || 'status' in expected) await vi.advanceTimersByTimeAsync(0);
    if (how === 'its time' || /last read/.test(how)) await vi.advanceTimersByTimeAsync(20_000);

    const given = await answer;
    if (expected === null) expect(given).toBeNull();
    else expect(given).toMatchObject(expected);
    wait[Symbol.dispose]();
    expect(vi.getTimerCount()).toBe(0);
    expect(getEventListeners(left.signal, 'abort')).toEqual([]);
    expect([waits.size, waits.ids]).toEqual([0, []]);
  });

  it('was one whose read failed: it reads again after a second, and on every second that fails', async () => {
    const { waits, put, state } = store();
    using wait = waits.wait('a');
    put('a', 'succeeded');
    state.failures = 3;
    const answer = wait.ended(10_000);
    waits.notify('a');
    await vi.advanceTimersByTimeAsync(999);
    expect(state.reads).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(state.reads).toBe(2);
    await vi.advanceTimersByTimeAsync(2000);
    expect(state.reads).toBe(4);
    expect(await answer).toMatchObject({ status: 'succeeded' });
  });

  it('may have its last read for a second, and then reports that Redis is unreachable', async () => {
    const hung = new CompletionWaits(() => new Promise(() => {}));
    using wait = hung.wait('a');
    const over = vi.fn();
    const answer = wait.ended(5000).catch(over);
    await vi.advanceTimersByTimeAsync(5999);
    expect(over).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    await answer;
    expect(over.mock.calls).toMatchObject([[{ code: 'unavailable' }]]);
  });
});
