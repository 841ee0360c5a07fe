import { FacequeueError } from '@facequeue/schema';
import { describe, expect, it } from 'vitest';
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

  it('reads again when a read failed, without being notified again', async () => {
    const { waits, put, state } = store();
    using wait = waits.wait('a');
    put('a', 'succeeded');
    state.failures = 1;
    waits.notify('a');
    expect(await wait.ended(10_000)).toMatchObject({ status: 'succeeded' });
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

  it('fails at its deadline when the last read fails or hangs', async () => {
    const { waits, state } = store();
    using wait = waits.wait('a');
    state.failures = 1;
    await expect(wait.ended(0)).rejects.toThrow('away');
    const hung = new CompletionWaits(() => new Promise(() => {}));
    await expect(hung.wait('a').ended(0)).rejects.toMatchObject({ code: 'unavailable' });
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
