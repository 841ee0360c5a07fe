import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { readAhead } from './read-ahead.ts';

async function* given<T>(values: T[]) {
  yield* values;
}

describe('readAhead', () => {
  it('yields results in order and keeps to the concurrency, whatever ends first', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.integer(), { maxLength: 12 }),
        fc.integer({ min: 1, max: 5 }),
        async (scheduler, values, concurrency) => {
          let pending = 0;
          const work = async (value: number) => {
            pending += 1;
            expect(pending).toBeLessThanOrEqual(concurrency);
            await scheduler.schedule(Promise.resolve());
            return value;
          };
          const results: number[] = [];
          const all = (async () => {
            for await (const result of readAhead(given(values), concurrency, work)) {
              pending -= 1;
              results.push(result);
            }
          })();
          await scheduler.waitFor(all);
          expect(results).toEqual(values);
        },
      ),
    );
  });

  it('does not wait for the next value when a result is there', async () => {
    const slow = Promise.withResolvers<IteratorResult<number>>();
    const next = vi.fn().mockResolvedValueOnce({ value: 1 }).mockReturnValueOnce(slow.promise);
    const results = readAhead<number, number>({ next }, 4, async (value) => value);
    expect(await results.next()).toEqual({ done: false, value: 1 });
    slow.resolve({ done: true, value: undefined });
    expect(await results.next()).toMatchObject({ done: true });
  });

  it('closes the values when its consumer stops', async () => {
    const onReturn = vi.fn(async () => ({ done: true as const, value: undefined }));
    const values = { next: async () => ({ value: 1 }), return: onReturn };
    for await (const _ of readAhead(values, 2, async (value) => value)) break;
    expect(onReturn).toHaveBeenCalledOnce();
  });

  it('throws what work throws, in its turn', async () => {
    const results: number[] = [];
    const all = (async () => {
      const work = async (value: number) => {
        if (value === 2) throw new Error('no');
        return value;
      };
      for await (const result of readAhead(given([1, 2, 3]), 3, work)) results.push(result);
    })();
    await expect(all).rejects.toThrow('no');
    expect(results).toEqual([1]);
  });
});
