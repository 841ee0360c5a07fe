import { describe, expect, it } from 'vitest';
import { FrameBuffer } from './frame-buffer.ts';

const never = new AbortController().signal;
/** Whether a promise is settled once everything that can run has run. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  void promise.then(() => (done = true));
  await new Promise(setImmediate);
  return done;
}

describe('FrameBuffer', () => {
  it('keeps the newest items when it drops', async () => {
    const buffer = new FrameBuffer<number>(1, 'drop');
    for (const one of [1, 2, 3]) await buffer.put(one, never);
    expect(await buffer.get(never)).toBe(3);
    expect(buffer.dropped).toBe(2);
  });

  it('drops the oldest item first and keeps the order of the others', async () => {
    const buffer = new FrameBuffer<number>(2, 'drop');
    for (const one of [1, 2, 3]) await buffer.put(one, never);
    buffer.close();
    expect([await buffer.get(never), await buffer.get(never), await buffer.get(never)]).toEqual([2, 3, null]);
  });

  it('makes put wait while it is full', async () => {
    const buffer = new FrameBuffer<number>(1, 'wait');
    await buffer.put(1, never);
    const second = buffer.put(2, never);
    expect(await settled(second)).toBe(false);
    expect(await buffer.get(never)).toBe(1);
    await second;
    expect(await buffer.get(never)).toBe(2);
    expect(buffer.dropped).toBe(0);
  });

  it('makes get wait for an item or the end', async () => {
    const buffer = new FrameBuffer<number>(1, 'drop');
    const [first, second] = [buffer.get(never), buffer.get(never)];
    expect(await settled(first)).toBe(false);
    await buffer.put(1, never);
    expect(await first).toBe(1);
    buffer.close();
    expect(await second).toBeNull();
  });

  it('stops waiting when it is aborted', async () => {
    const stop = new AbortController();
    const full = new FrameBuffer<number>(1, 'wait');
    await full.put(1, never);
    const put = full.put(2, stop.signal);
    const get = new FrameBuffer<number>(1, 'drop').get(stop.signal);
    stop.abort();
    await put;
    expect(await get).toBeNull();
    expect([full.getNow(), full.getNow()]).toEqual([1, null]);
  });
});
