import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { heapAfterChurn } from '../../../../test/support/memory/churn.ts';
import { bucketOf, type Listener, Listeners } from './listeners.ts';

const ids = (count: number) =>
  Array.from({ length: count }, (_, i) => `01a21b27-0f1e-71c0-a7df-${i.toString(16).padStart(12, '0')}`);

/** Few, so that many sleep on the same, and two of them in one bucket. */
const IDS = ['a', 'b', 'c', ids(20_000).find((id) => bucketOf(id) === bucketOf('a'))!];

describe('listeners', () => {
  it('are notified of their own job, all of them, until they are removed', () => {
    const move = fc.oneof(
      fc.record({ act: fc.constant('add'), id: fc.constantFrom(...IDS) }),
      fc.record({ act: fc.constant('notify'), id: fc.constantFrom(...IDS) }),
      fc.record({ act: fc.constant('remove'), which: fc.nat(5) }),
      fc.record({ act: fc.constant('notifyAll') }),
    );
    fc.assert(
      fc.property(fc.array(move), (moves) => {
        const listeners = new Listeners();
        const here = new Map<Listener, { id: string; notified: number; heard: number }>();
        for (const { act, ...what } of moves) {
          if (act === 'add' && 'id' in what) {
            const listener = listeners.add(what.id);
            const facts = { id: what.id, notified: 0, heard: 0 };
            const wake = () => facts.heard++;
            listener.wake = wake;
            here.set(listener, facts);
          }
          if (act === 'notify' && 'id' in what) {
            listeners.notify(what.id);
            for (const facts of here.values()) if (facts.id === what.id) facts.notified++;
          }
          if (act === 'notifyAll') {
            listeners.notifyAll();
            for (const facts of here.values()) facts.notified++;
          }
          if (act === 'remove' && 'which' in what) {
            const [listener, facts] = [...here][what.which] ?? [];
            if (!listener) continue;
            listeners.remove(listener);
            // Removal wakes a listener, once.
            listeners.remove(listener);
            expect(facts!.heard).toBe(facts!.notified + 1);
            here.delete(listener);
          }
          for (const { notified, heard } of here.values()) expect(heard).toBe(notified);
          expect(listeners.size).toBe(here.size);
          expect(listeners.empty).toBe(here.size === 0);
          expect(listeners.ids.sort()).toEqual([...new Set([...here.values()].map(({ id }) => id))].sort());
        }
      }),
    );
  });

  it('spread over the buckets though their ids are similar: of ten thousand at most 40 share one', () => {
    const sizes = new Map<number, number>();
    for (const id of ids(10_000)) sizes.set(bucketOf(id), (sizes.get(bucketOf(id)) ?? 0) + 1);
    expect(Math.max(...sizes.values())).toBeLessThan(40);
    expect(Math.max(...sizes.keys())).toBe(1023);
  });

  it('leave nothing to full collections once removed', () => {
    expect(heapAfterChurn(new URL('testing/churned.ts', import.meta.url), 'listeners')).toBeLessThan(15);
  });

  it('sleep until their time even if that is longer than a timer can run', async () => {
    vi.useFakeTimers();
    try {
      const listeners = new Listeners();
      const woken = vi.fn();
      const sixtyDays = 60 * 86_400_000;
      void listeners.sleep(listeners.add('a'), performance.now() + sixtyDays).then(woken);
      await vi.advanceTimersByTimeAsync(sixtyDays - 1);
      expect(woken).not.toHaveBeenCalled();
      await vi.advanceTimersByTimeAsync(1);
      expect(woken).toHaveBeenCalledTimes(1);
    } finally {
      vi.useRealTimers();
    }
  });
});
