import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concurrentMap } from './concurrent-map.ts';

const never = new AbortController().signal;

describe('concurrentMap', () => {
  it('passes results on in the order of the items and keeps to the concurrency, whatever ends first', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.integer(), { maxLength: 12 }),
        fc.integer({ min: 1, max: 5 }),
        async (scheduler, items, concurrency) => {
          let running = 0;
          const work = async (item: number) => {
            running += 1;
            expect(running).toBeLessThanOrEqual(concurrency);
            await scheduler.schedule(Promise.resolve());
            running -= 1;
            return item;
          };
          const results: number[] = [];
          const all = concurrentMap(items, concurrency, never, work, (outcome) => void results.push(outcome));
          await scheduler.waitFor(all);
          expect(results).toEqual(items);
          expect(await all).toBe(items.length);
        },
      ),
    );
  });

  it('passes a result on as soon as all earlier ones are there', async () => {
    const gates = [0, 1, 2].map(() => Promise.withResolvers<void>());
    const results: number[] = [];
    const all = concurrentMap(
      [0, 1, 2],
      3,
      never,
      (i) => gates[i]!.promise.then(() => i),
      (i) => void results.push(i),
    );
    gates[1]!.resolve();
    await expect.poll(() => results).toEqual([]);
    gates[0]!.resolve();
    await expect.poll(() => results).toEqual([0, 1]);
    gates[2]!.resolve();
    await all;
    expect(results).toEqual([0, 1, 2]);
  });

  it('throws the first error once nothing runs any more, and starts nothing after it', async () => {
    const other = Promise.withResolvers<void>();
    let running = 0;
    let started = 0;
    const all = concurrentMap(
      [0, 1, 2, 3],
      2,
      never,
      async (i) => {
        started += 1;
        running += 1;
        try {
          if (i === 0) throw new Error('first');
          await other.promise;
        } finally {
          running -= 1;
        }
      },
      () => {},
    );
    const ended = all.catch((error: Error) => [error.message, running, started]);
    setImmediate(() => other.resolve());
    expect(await ended).toEqual(['first', 0, 2]);
  });

  it('finishes what was started when it is stopped', async () => {
    const stop = new AbortController();
    const results: number[] = [];
    const started = await concurrentMap(
      [0, 1, 2, 3, 4],
      2,
      stop.signal,
      async (i) => {
        if (i === 1) stop.abort();
        return i;
      },
      (i) => void results.push(i),
    );
    expect(started).toBe(2);
    expect(results).toEqual([0, 1]);
  });
});
