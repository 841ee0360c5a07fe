import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inOrder } from './in-order.ts';

const never = new AbortController().signal;

describe('work on many items', () => {
  it('is handed on in their order, never more of it at a time than allowed, whatever ends first', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.integer(), { maxLength: 12 }),
        fc.integer({ min: 1, max: 5 }),
        async (scheduler, items, atOnce) => {
          let underWay = 0;
          const work = async (item: number) => {
            underWay += 1;
            expect(underWay).toBeLessThanOrEqual(atOnce);
            await scheduler.schedule(Promise.resolve());
            underWay -= 1;
            return item;
          };
          const outcomes: number[] = [];
          const all = inOrder(items, atOnce, never, work, (outcome) => void outcomes.push(outcome));
          await scheduler.waitFor(all);
          expect(outcomes).toEqual(items);
          expect(await all).toBe(items.length);
        },
      ),
    );
  });

  it('is handed on as soon as all before it is there', async () => {
    const gates = [0, 1, 2].map(() => Promise.withResolvers<void>());
    const outcomes: number[] = [];
    const all = inOrder(
      [0, 1, 2],
      3,
      never,
      (i) => gates[i]!.promise.then(() => i),
      (i) => void outcomes.push(i),
    );
    gates[1]!.resolve();
    await expect.poll(() => outcomes).toEqual([]);
    gates[0]!.resolve();
    await expect.poll(() => outcomes).toEqual([0, 1]);
    gates[2]!.resolve();
    await all;
    expect(outcomes).toEqual([0, 1, 2]);
  });

  it('ends with what is under way when it is stopped', async () => {
    const stop = new AbortController();
    const outcomes: number[] = [];
    const begun = await inOrder(
      [0, 1, 2, 3, 4],
      2,
      stop.signal,
      async (i) => {
        if (i === 1) stop.abort();
        return i;
      },
      (i) => void outcomes.push(i),
    );
    expect(begun).toBe(2);
    expect(outcomes).toEqual([0, 1]);
  });
});
