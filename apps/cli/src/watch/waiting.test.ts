import { describe, expect, it } from 'vitest';
import { Waiting } from './waiting.ts';

const never = new AbortController().signal;
/** Whether a promise is settled once all that can go on has gone on. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let is = false;
  void promise.then(() => (is = true));
  await new Promise(setImmediate);
  return is;
}

describe('frames that wait', () => {
  it('of which the newest counts are never more than there is room for', async () => {
    const waiting = new Waiting<number>(1, 'drop');
    for (const one of [1, 2, 3]) await waiting.put(one, never);
    expect(await waiting.take(never)).toBe(3);
    expect(waiting.dropped).toBe(2);
  });

  it('drop the oldest first, and are taken in order', async () => {
    const waiting = new Waiting<number>(2, 'drop');
    for (const one of [1, 2, 3]) await waiting.put(one, never);
    waiting.close();
    expect([await waiting.take(never), await waiting.take(never), await waiting.take(never)]).toEqual([2, 3, null]);
  });

  it('of which each counts make the source wait', async () => {
    const waiting = new Waiting<number>(1, 'wait');
    await waiting.put(1, never);
    const second = waiting.put(2, never);
    expect(await settled(second)).toBe(false);
    expect(await waiting.take(never)).toBe(1);
    await second;
    expect(await waiting.take(never)).toBe(2);
    expect(waiting.dropped).toBe(0);
  });

  it('are awaited until one comes, or none will', async () => {
    const waiting = new Waiting<number>(1, 'drop');
    const [first, second] = [waiting.take(never), waiting.take(never)];
    expect(await settled(first)).toBe(false);
    await waiting.put(1, never);
    expect(await first).toBe(1);
    waiting.close();
    expect(await second).toBeNull();
  });

  it('keep nobody who is told to stop', async () => {
    const stop = new AbortController();
    const full = new Waiting<number>(1, 'wait');
    await full.put(1, never);
    const put = full.put(2, stop.signal);
    const take = new Waiting<number>(1, 'drop').take(stop.signal);
    stop.abort();
    await put;
    expect(await take).toBeNull();
    expect([full.takeNow(), full.takeNow()]).toEqual([1, null]);
  });
});
